import { setTimeout as sleep } from 'node:timers/promises';
import type { HybridConfig } from '../config/model.ts';
import type { ControlState } from '../domain/control-state.ts';
import {
  BackendError,
  type DrainObstacle,
  NotDrainableError,
  RedisUnreachableError,
  RedisUnsuitableError,
} from '../domain/errors.ts';
import type { Connections } from './connections.ts';
import { type DrainLook, StableWatch } from './drain-look.ts';

export interface DrainOptions {
  /** Ends it before stable is empty. */
  readonly signal?: AbortSignal;
  /** Milliseconds between two looks. @default 1000 */
  readonly everyMs?: number;
  /** For how long every look has to find stable empty, in milliseconds. @default 10_000 */
  readonly quietMs?: number;
  /** Ends it after so many milliseconds. @default never */
  readonly timeoutMs?: number;
  /** Told of every look. */
  readonly onLook?: (progress: DrainProgress) => void;
}

export interface DrainProgress {
  /** null: Redis has not answered yet. After an outage it is the last one before it. */
  readonly look: DrainLook | null;
  /** Why this look has failed; it goes on looking. */
  readonly problem: string | null;
  /** For how long every look has found stable empty; null: the last one did not. */
  readonly emptyForMs: number | null;
}

/**
 * `drained`: each look during the quiet time found no job of any known queue waiting, active or delayed, no copy, no open
 * moved task, and no sign that one had come and gone (copies leave none). It does not prove that nothing comes later: a plain bee-queue producer,
 * and a submission that names stable, can still add a job.
 */
export interface DrainReport extends DrainProgress {
  readonly verdict: 'drained' | 'timeout' | 'stopped';
  readonly quietMs: number;
  readonly waitedMs: number;
}

/**
 * Waits until stable is empty.
 *
 * @param queues the known ones; asked before every look, because new ones may come
 * @throws {NotDrainableError} tasks are still sent there; also in the middle, when somebody changes the routing
 * @throws {RedisUnreachableError} only at the beginning; later it goes on looking
 * @throws {ClosedError} the manager was closed
 */
export async function drainStable(
  c: Connections,
  queues: () => Promise<readonly string[]>,
  options: DrainOptions = {},
): Promise<DrainReport> {
  const { signal, everyMs = 1000, quietMs = 10_000, timeoutMs = Number.POSITIVE_INFINITY, onLook } = options;
  const watch = new StableWatch(c);
  const quiet = new QuietTime();
  const begun = performance.now();
  let look: DrainLook | null = null;
  for (;;) {
    const lookBegun = performance.now();
    let problem: string | null = null;
    try {
      // Tells a manager that was closed from a Redis that is down: only the second is waited for.
      await c.stable.ready();
      look = await drainableLook(c, watch, await queues());
      quiet.found(look, lookBegun);
    } catch (error) {
      if (look === null || !isOutage(error)) throw error;
      problem = error.message;
      quiet.broken();
    }
    const progress: DrainProgress = { look, problem, emptyForMs: quiet.lengthMs };
    onLook?.(progress);
    const waitedMs = performance.now() - begun;
    const left = quietMs - (progress.emptyForMs ?? 0);
    const end = (verdict: DrainReport['verdict']): DrainReport => ({
      ...progress,
      verdict,
      quietMs,
      waitedMs: Math.round(waitedMs),
    });
    if (progress.emptyForMs !== null && left <= 0) return end('drained');
    if (signal?.aborted) return end('stopped');
    if (waitedMs >= timeoutMs) return end('timeout');
    // Rounded up: a timer may fire a little early, and the last look has to come after the quiet time.
    const pauseMs = Math.ceil(Math.min(everyMs, left, timeoutMs - waitedMs)) + 1;
    await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

async function drainableLook(
  c: Connections,
  watch: StableWatch,
  queues: readonly string[],
): Promise<DrainLook> {
  const { parity } = c.config;
  // Before and after: a decision that was allowed in between could have added a job behind the look.
  refuse(obstaclesOf(await c.plane.refresh(), queues, parity));
  const look = await watch.look(queues);
  refuse(obstaclesOf(await c.plane.refresh(), queues, parity));
  return look;
}

/** @throws {NotDrainableError} */
function refuse(obstacles: readonly DrainObstacle[]): void {
  if (obstacles.length > 0) throw new NotDrainableError(obstacles);
}

/** What sends tasks to stable, and how to end it. */
function obstaclesOf(
  state: ControlState,
  queues: readonly string[],
  { sampleRate, primary }: HybridConfig['parity'],
): DrainObstacle[] {
  if (state.frozen !== '') {
    const command = 'hybrid resume --reason "...", then hybrid ratio 1 --reason "..."';
    return [{ what: 'it is frozen, so everything goes to stable', command }];
  }
  const obstacles: DrainObstacle[] = [];
  if (state.mode === 'flag') {
    obstacles.push({
      what: 'the mode is flag, and what the flags will answer cannot be proved',
      command: 'set routing.mode to ratio in the config file, then hybrid apply --reason "..."',
    });
  }
  if (state.celeryRatio < 1) {
    obstacles.push({
      what: `the ratio is ${state.celeryRatio}, so new tasks go to stable`,
      command: 'hybrid ratio 1 --reason "..."',
    });
  }
  for (const [task, ratio] of Object.entries(state.taskRatios)) {
    if (ratio >= 1) continue;
    obstacles.push({
      what: `task ${task} has a ratio of its own, ${ratio}`,
      command: `hybrid ratio --task ${task} --unset --reason "..."`,
    });
  }
  // Of stable's submissions there are none at ratio 1, and so no copies either.
  if (sampleRate > 0 && primary !== 'stable') {
    obstacles.push({
      what:
        `parity.sampleRate is ${sampleRate} and parity.primary ${primary}, so canary's tasks go on being copied to stable ` +
        "(copies are nobody's work, and those that are left may be thrown away)",
      command:
        'set parity.primary to stable, or parity.sampleRate to 0, in the config of whatever submits, and restart that',
    });
  }
  if (queues.length === 0) {
    obstacles.push({
      what: 'no queue is known in this namespace, so there is nothing to look at',
      command: 'hybrid status, and see whether namespace and Redis are the right ones',
    });
  }
  return obstacles;
}

function isOutage(error: unknown): error is Error {
  return [RedisUnreachableError, RedisUnsuitableError, BackendError].some((kind) => error instanceof kind);
}

/** For how long nothing has been seen on stable. */
class QuietTime {
  #since: number | null = null;
  #lengthMs: number | null = null;
  #ended = 0;

  get lengthMs(): number | null {
    return this.#lengthMs === null ? null : Math.round(this.#lengthMs);
  }

  /** @param begun when the look began: what came while it looked may have been missed */
  found(look: DrainLook, begun: number): void {
    const cameAndWent = look.ended > this.#ended;
    this.#ended = look.ended;
    if (!look.isEmpty || !look.canaryReachable) {
      this.broken();
      return;
    }
    if (this.#since === null || cameAndWent) this.#since = performance.now();
    this.#lengthMs = Math.max(0, begun - this.#since);
  }

  /** An outage is no proof of anything. */
  broken(): void {
    this.#since = null;
    this.#lengthMs = null;
  }
}
