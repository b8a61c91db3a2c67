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
    ...[...book.idsOk].flatMap((id) => [
      ...book.lost(id, recorded.get(id)),
      ...book.cancelledByNobody(id, recorded.get(id)),
    ]),
    ...[...book.moves.keys()].flatMap((id) => book.movedTwice(id)),
    ...[...book.starts.keys()].flatMap((id) => [
      ...book.unexplained(id),
      ...book.startedAfterMove(id),
      ...book.wrongOutcome(id, recorded.get(id)),
    ]),
  ];
}

/** How many runs there were after a task's first, by what they followed from. */
export function secondRuns(history: readonly HistoryEvent[]): Readonly<Record<string, number>> {
  const book = new Book(history);
  const counts: Record<string, number> = {};
  for (const [id, runs] of book.starts) {
    runs.slice(1).forEach((next, i) => {
      const reason = book.reasonFor(id, runs[i] as Start, next) ?? 'none';
      counts[reason] = (counts[reason] ?? 0) + 1;
    });
  }
  return counts;
}

class Book {
  readonly moves = new Map<string, EventOf<'moved'>[]>();
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
  readonly #cancelled = new Set<string>();
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
      if (e.event === 'moved') add(this.moves, e.id, e);
      if (e.event === 'cancel-called') this.#cancelled.add(e.id);
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
    const runs = this.starts.get(id) ?? [];
    // Only a run can fail: without one somebody gave up a task that nobody has tried.
    if (recorded.status === 'failed' && runs.length === 0) return [`${id} failed and never ran`];
    if (recorded.status !== 'succeeded') return [];
    return runs.some((start) => this.#ended.has(start.run)) ? [] : [`${id} succeeded and never ran`];
  }

  cancelledByNobody(id: string, recorded: Recorded | undefined): string[] {
    return recorded?.status === 'cancelled' && !this.#cancelled.has(id)
      ? [`${id} was cancelled by nobody`]
      : [];
  }

  /** What is stable's never becomes canary's again, so it cannot be given to stable again. */
  movedTwice(id: string): string[] {
    const moves = this.moves.get(id) ?? [];
    const [from, to] = [moves[0], moves.at(-1)].map((e) => (e ? this.#at(e) : 0)) as [number, number];
    // A Redis that was down may have forgotten the first time.
    const isForgotten = this.#harm.some((e) => !('target' in e) && this.#at(e) > from && this.#at(e) < to);
    return moves.length < 2 || isForgotten ? [] : [`${id} was given to stable ${moves.length} times`];
  }

  /**
   * Every run after the first needs something that was done to the run before, or its own word that it is to be
   * repeated: a failure, or an abort. On stable also a worker that wakes up with a delivery of before its pause:
   * bee-queue knows no fencing.
   */
  unexplained(id: string): string[] {
    const runs = this.starts.get(id) ?? [];
    return runs.slice(1).flatMap((next, i) => {
      const before = runs[i] as Start;
      const said = this.#saidOf(before, this.#at(before), this.#at(next));
      if (said.has('succeeded')) return [`${id}: ${next.run} began after ${before.run} had succeeded`];
      return this.reasonFor(id, before, next) === null
        ? [`${id}: ${next.run} began after ${before.run} for no recorded reason`]
        : [];
    });
  }

  /** Why a task was run again; null: nothing explains it. */
  reasonFor(id: string, before: Start, next: Start): string | null {
    const [from, to] = [this.#at(before), this.#at(next)];
    const harm = this.#harm.find(
      (e) => this.#at(e) > from && this.#at(e) < to && (!('target' in e) || e.target === before.pid),
    );
    if (harm) return harm.event;
    const word = (this.#told.get(id) ?? []).find(
      (e) => (e.type === 'retrying' || e.type === 'moved') && isOf(e, before) && this.#isBetween(e, from, to),
    );
    if (word) return word.detail === ABORTED ? 'aborted' : 'failed';
    const isBelated =
      next.backend === 'stable' &&
      this.#woken.some((e) => e.target === next.pid && this.#isBetween(e, from, to));
    return isBelated ? 'woken' : null;
  }

  #saidOf(run: Start, from: number, to: number): Set<string> {
    const said = (this.#told.get(run.id) ?? []).filter((e) => isOf(e, run) && this.#isBetween(e, from, to));
    return new Set(said.map((e) => e.type));
  }

  #isBetween(e: HistoryEvent, from: number, to: number): boolean {
    return this.#at(e) > from && this.#at(e) < to;
  }

  /** I2: once a task is stable's, canary does not start it. */
  startedAfterMove(id: string): string[] {
    return [...this.#startedAfterWord(id), ...this.#startedAfterSeenMove(id)];
  }

  /**
   * By the clocks of Redis and of the worker, which are one: who sees a move from outside hears of it a little later.
   * A run that was granted before, to a worker that was then paused, may begin when it is woken; it is fenced.
   */
  #startedAfterSeenMove(id: string): string[] {
    const [move] = this.moves.get(id) ?? [];
    if (!move) return [];
    return (this.starts.get(id) ?? [])
      .filter((start) => start.backend === 'canary' && start.at > move.movedAt)
      .filter(
        (start) =>
          !this.#woken.some((e) => e.target === start.pid && e.at >= move.movedAt && e.at <= start.at),
      )
      .map((start) => `${id}: canary began ${start.run} ${start.at - move.movedAt} ms after the move`);
  }

  #startedAfterWord(id: string): string[] {
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

/** What a handler throws whose signal was heeded by Node. */
const ABORTED = 'ABORT_ERR';

/** Whether a worker said this of that run. */
function isOf(said: EventOf<'told'>, run: Start): boolean {
  return said.pid === run.pid && said.backend === run.backend && said.attempt === run.attempt;
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
