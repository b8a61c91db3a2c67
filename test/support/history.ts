import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { RollbackEvent, WorkerEvent } from '../../src/index.ts';

interface RunFacts {
  readonly n: number;
  readonly id: string;
  readonly run: string;
  readonly backend: 'stable' | 'canary';
  readonly attempt: number;
}

/**
 * What happened, outside Redis: one JSON line per event, appended by every process of a trial. A line that was written
 * survives the SIGKILL of its writer, and the order of the lines is the order of the writes.
 */
export type Happening =
  | { readonly event: 'submit-called'; readonly n: number }
  | {
      readonly event: 'submit-ok';
      readonly n: number;
      readonly id: string;
      readonly backend: 'stable' | 'canary';
      readonly reason: string;
      readonly epoch: number;
      readonly bucket: number;
      readonly ratio: number;
      readonly stickyKey: string;
    }
  /** E_UNKNOWN; its producer repeats it under the same id. */
  | { readonly event: 'submit-unknown'; readonly n: number; readonly id: string }
  | { readonly event: 'submit-failed'; readonly n: number; readonly code: string }
  /** A handler began, and came to its end. `run` is this one run's name. */
  | ({ readonly event: 'started' } & RunFacts)
  | ({ readonly event: 'ended' } & RunFacts)
  /** What the worker says of a delivery. */
  | {
      readonly event: 'told';
      readonly type: WorkerEvent['type'];
      readonly id: string;
      readonly backend: 'stable' | 'canary';
      readonly attempt: number;
      readonly detail: string;
    }
  /** Seen from outside: a task was given to stable, at that time of Redis's clock in milliseconds. */
  | { readonly event: 'moved'; readonly id: string; readonly movedAt: number }
  /** Where a rollback has come to, in the words of its operator. */
  | { readonly event: 'rollback'; readonly step: string }
  | { readonly event: 'cancel-called'; readonly id: string }
  /** Done by the test to a process. */
  | { readonly event: 'killed'; readonly target: number }
  | { readonly event: 'paused'; readonly target: number }
  | { readonly event: 'woken'; readonly target: number }
  /** Done by the test to a Redis. */
  | { readonly event: 'redis-down'; readonly server: string }
  | { readonly event: 'redis-up'; readonly server: string };

export type HistoryEvent = Happening & { readonly at: number; readonly pid: number; readonly who: string };

export type EventOf<K extends Happening['event']> = Extract<HistoryEvent, { readonly event: K }>;

export function stepOf(event: RollbackEvent): string {
  if (event.type === 'moved') return `moved ${event.moved}`;
  return 'phase' in event ? `${event.type} ${event.phase}` : event.type;
}

export interface HistoryWriter {
  note(happening: Happening): void;
}

export function writeHistory(file: string, who: string): HistoryWriter {
  const fd = openSync(file, 'a');
  return {
    note(happening) {
      writeSync(fd, `${JSON.stringify({ at: Date.now(), pid: process.pid, who, ...happening })}\n`);
    },
  };
}

/** Follows a history while it is written. */
export class HistoryReader {
  readonly #fd: number;
  readonly #events: HistoryEvent[] = [];
  readonly #buffer = Buffer.alloc(1 << 18);
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(file: string) {
    this.#fd = openSync(file, 'a+');
  }

  /** All events until now. */
  read(): readonly HistoryEvent[] {
    const buffer = this.#buffer;
    for (;;) {
      const length = readSync(this.#fd, buffer, 0, buffer.length, this.#offset);
      if (length === 0) return this.#events;
      this.#offset += length;
      const text = Buffer.concat([this.#rest, buffer.subarray(0, length)]);
      const end = text.lastIndexOf('\n') + 1;
      for (const line of text.toString('utf8', 0, end).split('\n')) {
        if (line !== '') this.#events.push(JSON.parse(line) as HistoryEvent);
      }
      this.#rest = text.subarray(end);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
