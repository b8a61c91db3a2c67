import type { EventOf, HistoryEvent } from './history.ts';

/** What is recorded of a task at the end. */
export interface Recorded {
  readonly status: string;
  /** The run whose result was recorded; null: it has none (failed, parked). */
  readonly run: string | null;
  /** It was canary's at some time, so its runs have tokens. */
  readonly hasEntry: boolean;
}

type Start = EventOf<'started'>;

/**
 * Holds a history against the promises (I1, I2, I7). Empty: they were kept. Every sentence names the task.
 *
 * @param recorded by id, what is stored at the end
 */
export function judge(
  history: readonly HistoryEvent[],
  recorded: ReadonlyMap<string, Recorded>,
): readonly string[] {
  const book = new Book(history);
  return [
    ...book.submissions(),
    ...[...book.idsOk].flatMap((id) => book.lost(id, recorded.get(id))),
    ...[...book.starts.keys()].flatMap((id) => [
      ...book.unexplained(id),
      ...book.startedAfterMove(id),
      ...book.wrongOutcome(id, recorded.get(id)),
    ]),
  ];
}

class Book {
  readonly starts = new Map<string, Start[]>();
  readonly idsOk = new Set<string>();
  readonly #history: readonly HistoryEvent[];
  readonly #place = new Map<HistoryEvent, number>();
  readonly #called = new Set<number>();
  readonly #idsOf = new Map<number, Set<string>>();
  readonly #ended = new Set<string>();
  readonly #told = new Map<string, EventOf<'told'>[]>();
  readonly #ok = new Map<string, EventOf<'submit-ok'>[]>();
  readonly #harm: EventOf<'killed' | 'paused' | 'redis-down' | 'redis-up'>[] = [];
  readonly #woken: EventOf<'woken'>[] = [];
  readonly #failed: string[] = [];

  constructor(history: readonly HistoryEvent[]) {
    this.#history = history;
    history.forEach((e, i) => {
      this.#place.set(e, i);
      if (e.event === 'submit-called') this.#called.add(e.n);
      if (e.event === 'submit-failed') this.#failed.push(`submission ${e.n} failed: ${e.code}`);
      if (e.event === 'submit-ok') {
        this.idsOk.add(e.id);
        add(this.#ok, e.id, e);
      }
      if (e.event === 'submit-ok' || e.event === 'submit-unknown' || e.event === 'started') {
        this.#idsOf.set(e.n, (this.#idsOf.get(e.n) ?? new Set()).add(e.id));
      }
      if (e.event === 'started') add(this.starts, e.id, e);
      if (e.event === 'ended') this.#ended.add(e.run);
      if (e.event === 'told') add(this.#told, e.id, e);
      if (e.event === 'killed' || e.event === 'paused') this.#harm.push(e);
      if (e.event === 'woken') this.#woken.push(e);
      if (e.event === 'redis-down' || e.event === 'redis-up') this.#harm.push(e);
    });
  }

  submissions(): string[] {
    const twice = [...this.#idsOf].filter(([, ids]) => ids.size > 1);
    const unknown = [...this.#idsOf.keys()].filter((n) => !this.#called.has(n));
    return [
      ...this.#failed,
      ...twice.map(([n, ids]) => `submission ${n} made ${ids.size} tasks: ${[...ids].join(', ')}`),
      ...unknown.map((n) => `task ${n} ran and was never submitted`),
    ];
  }

  /** I1: what was submitted was run to its end, and its outcome is there. */
  lost(id: string, recorded: Recorded | undefined): string[] {
    if (!recorded) return [`${id} has no outcome`];
    if (recorded.status !== 'succeeded') return [];
    return (this.starts.get(id) ?? []).some((start) => this.#ended.has(start.run))
      ? []
      : [`${id} succeeded and never ran`];
  }

  /**
   * Every run after the first needs something that was done to the run before, or its own word that it is to be
   * repeated. On stable also a worker that wakes up with a delivery of before its pause: bee-queue knows no fencing.
   */
  unexplained(id: string): string[] {
    const runs = this.starts.get(id) ?? [];
    return runs.slice(1).flatMap((next, i) => {
      const before = runs[i] as Start;
      const [from, to] = [this.#at(before), this.#at(next)];
      const said = this.#saidOf(before, from, to);
      if (said.has('succeeded')) return [`${id}: ${next.run} began after ${before.run} had succeeded`];
      const isHarmed = this.#harm.some(
        (e) => this.#at(e) > from && this.#at(e) < to && (!('target' in e) || e.target === before.pid),
      );
      const isBelated =
        next.backend === 'stable' &&
        this.#woken.some((e) => e.target === next.pid && this.#at(e) > from && this.#at(e) < to);
      return isHarmed || isBelated || said.has('retrying')
        ? []
        : [`${id}: ${next.run} began after ${before.run} for no recorded reason`];
    });
  }

  #saidOf(run: Start, from: number, to: number): Set<string> {
    const said = (this.#told.get(run.id) ?? []).filter(
      (e) =>
        e.pid === run.pid &&
        e.backend === run.backend &&
        e.attempt === run.attempt &&
        this.#at(e) > from &&
        this.#at(e) < to,
    );
    return new Set(said.map((e) => e.type));
  }

  /** I2: once a task is stable's, canary does not start it. */
  startedAfterMove(id: string): string[] {
    const moves = [
      ...(this.#told.get(id) ?? []).filter((e) => e.type === 'moved'),
      ...(this.#ok.get(id) ?? []).filter((e) => e.backend === 'stable'),
    ].map((e) => this.#at(e));
    if (moves.length === 0) return [];
    const moved = Math.min(...moves);
    return (this.starts.get(id) ?? [])
      .filter((start) => start.backend === 'canary' && this.#at(start) > moved)
      .map((start) => `${id}: canary began ${start.run} after the task was stable's`);
  }

  /** Fencing: a ledger task's outcome is that of the run granted last; a plain stable task's, of one that ended. */
  wrongOutcome(id: string, recorded: Recorded | undefined): string[] {
    if (recorded?.status !== 'succeeded') return [];
    const runs = this.starts.get(id) ?? [];
    const allowed = recorded.hasEntry ? runs.slice(-1) : runs;
    const names = allowed.map((start) => start.run).filter((run) => this.#ended.has(run));
    return names.includes(recorded.run ?? '')
      ? []
      : [`${id}: recorded is ${recorded.run}, allowed ${names.join(', ') || 'none'}`];
  }

  #at(e: HistoryEvent): number {
    return this.#place.get(e) ?? this.#history.length;
  }
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
