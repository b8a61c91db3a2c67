import type { MovedTask, ReassignResult } from '../domain/ledger.ts';
import type { MovedDelivery, RollbackLedger } from '../domain/rollback.ts';

/** Tasks per script call: it holds up Redis, and so every submission, for as long as it takes. */
const PAGE = 100;

/** Where a walk over canary's unfinished tasks has come to. */
export interface EvacuationPass {
  readonly moved: number;
  /** Running under live workers. */
  readonly left: readonly string[];
  /** Somebody has resumed: nothing may be moved any more. */
  readonly isThawed: boolean;
}

/**
 * Moves canary's unfinished tasks to stable, oldest first; those with a priority last, the most urgent first, because
 * that is what BullMQ would have done. Needs nothing from canary. Stopped anywhere and begun again it goes on: the
 * ledger says what is left, and what was moved and not delivered is delivered by `MovedDelivery.mend`.
 */
export class Evacuation {
  readonly #ledger: RollbackLedger;
  readonly #delivery: Pick<MovedDelivery, 'deliver'>;
  readonly #onMoved: (moved: number) => void;
  #delivering: Promise<void> = Promise.resolve();
  #moved = 0;
  readonly #parked: string[] = [];

  constructor(
    ledger: RollbackLedger,
    delivery: Pick<MovedDelivery, 'deliver'>,
    onMoved: (moved: number) => void = () => {},
  ) {
    this.#ledger = ledger;
    this.#delivery = delivery;
    this.#onMoved = onMoved;
  }

  /** Moved by this process. */
  get moved(): number {
    return this.#moved;
  }

  /** Ids whose entries could not be read. */
  get parked(): readonly string[] {
    return this.#parked;
  }

  /** One walk over everything that is open. @param signal stops it between two batches */
  async pass(signal?: AbortSignal): Promise<EvacuationPass> {
    const before = this.#moved;
    const left: string[] = [];
    // Those that stay in the set stand in front of what comes next.
    let staying = 0;
    let isThawed = false;
    while (!isThawed && !signal?.aborted) {
      const ids = await this.#ledger.oldestOpen(staying, PAGE);
      if (ids.length === 0) break;
      const results = await this.move(ids, true);
      results.forEach((result, i) => {
        if (result.status === 'thawed') isThawed = true;
        if (isRunning(result)) left.push(ids[i] as string);
        if (isRunning(result) || result.status === 'aside') staying += 1;
      });
    }
    while (!isThawed && !signal?.aborted) {
      const ids = await this.#ledger.aside(PAGE);
      if (ids.length === 0) break;
      const results = await this.move(ids, false);
      left.push(...ids.filter((_, i) => isRunning(results[i])));
      isThawed = results.some(({ status }) => status === 'thawed');
      if (!isThawed) await this.#ledger.dropAside(ids.filter((_, i) => results[i]?.status !== 'later'));
    }
    await this.#delivered();
    return { moved: this.#moved - before, left, isThawed };
  }

  /**
   * Moves these tasks, as far as they may be. Delivery goes on beside the next call, in order; `pass` waits for it.
   * @param setsPrioritiesAside leaves those with a priority for the end
   */
  async move(ids: readonly string[], setsPrioritiesAside: boolean): Promise<readonly ReassignResult[]> {
    const results = await this.#ledger.evacuate(ids, setsPrioritiesAside);
    await this.#park(ids.filter((_, i) => results[i]?.status === 'corrupt'));
    const tasks = results.flatMap((result) => (result.status === 'moved' ? [result.task] : []));
    if (tasks.length > 0) await this.#deliver(tasks);
    return results;
  }

  /** One delivery under way while the next batch is reassigned: both are round trips to Redis. */
  async #deliver(tasks: readonly MovedTask[]): Promise<void> {
    this.#moved += tasks.length;
    await this.#delivered();
    this.#delivering = this.#delivery.deliver(tasks);
    // Awaited by the next call; until then it must not count as unhandled.
    this.#delivering.catch(() => {});
    this.#onMoved(this.#moved);
  }

  /** Tells of a failure once: what was not delivered is found again among the moved tasks. */
  async #delivered(): Promise<void> {
    const underWay = this.#delivering;
    this.#delivering = Promise.resolve();
    await underWay;
  }

  async #park(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    this.#parked.push(...(await this.#ledger.parkCorrupt(ids)));
  }
}

function isRunning(result: ReassignResult | undefined): boolean {
  return result?.status === 'left' && result.owner === 'canary' && result.state === 'running';
}
