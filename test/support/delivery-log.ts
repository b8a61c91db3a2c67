import type { Delivery, RunDelivery, Settlement } from '../../src/domain/task-backend.ts';

/** A run function that remembers what it was given, and that a test can wait for. */
export class DeliveryLog {
  readonly deliveries: Delivery[] = [];
  readonly run: RunDelivery;
  #waiting: { readonly count: number; resolve(): void }[] = [];

  constructor(
    settle: (delivery: Delivery, nth: number) => Settlement | Promise<Settlement> = () => COMPLETE,
  ) {
    this.run = async (delivery) => {
      this.deliveries.push(delivery);
      const nth = this.deliveries.length;
      for (const waiting of this.#waiting) if (nth >= waiting.count) waiting.resolve();
      return settle(delivery, nth);
    };
  }

  get payloads(): unknown[] {
    return this.deliveries.map((delivery) => delivery.data);
  }

  /** Resolves when the `count`th delivery has begun. */
  async begun(count: number): Promise<readonly Delivery[]> {
    if (this.deliveries.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    }
    return this.deliveries;
  }
}

export const COMPLETE: Settlement = { kind: 'complete' };

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

/** Something for a handler to wait at. */
export function gate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
