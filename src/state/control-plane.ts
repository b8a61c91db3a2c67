import type { ControlState, RoutingMode, RoutingSettings } from '../domain/control-state.ts';
import { ControlConflictError, FrozenError } from '../domain/errors.ts';
import type { ControlChange } from '../domain/ledger.ts';
import type { ControlRedis } from './control-redis.ts';

export interface ControlPlaneOptions {
  /** Becomes epoch 1 where the namespace has no control state yet. */
  readonly initial: RoutingSettings;
  /** Who this process is in the audit log. */
  readonly actor: string;
  /** A change is seen by its message; this poll catches a lost message. Milliseconds. */
  readonly pollMs: number;
  readonly onProblem?: (error: Error) => void;
}

export interface ChangeRequest {
  readonly settings: Partial<RoutingSettings>;
  readonly reason: string;
  readonly actor?: string;
  /** Only if nobody changed it since this epoch. Left out: since the state that this process knows. */
  readonly expectedEpoch?: number;
}

/** A file's routing section that shall become live. */
export interface FileChange {
  readonly settings: RoutingSettings;
  /** Equal for equal sections. Kept beside the live state, so that every edit is made live once. */
  readonly fileHash: string;
  /** false: also where this very section was made live last and somebody has changed the live state since. */
  readonly onlyIfNew: boolean;
  readonly reason: string;
  readonly actor?: string;
}

/** The routing state that all processes share, held in memory and kept fresh by message and by poll. */
export class ControlPlane {
  readonly #redis: ControlRedis;
  readonly #options: ControlPlaneOptions;
  readonly #listeners = new Set<(state: ControlState, before: ControlState) => void>();
  #state: ControlState;
  #regressedTo = 0;
  #poll: NodeJS.Timeout | undefined;
  #stops: (() => void)[] = [];

  private constructor(redis: ControlRedis, options: ControlPlaneOptions, state: ControlState) {
    this.#redis = redis;
    this.#options = options;
    this.#state = state;
  }

  static async open(redis: ControlRedis, options: ControlPlaneOptions): Promise<ControlPlane> {
    const plane = new ControlPlane(redis, options, await initialise(redis, options));
    plane.#stops.push(await redis.listen(redis.keys.controlChanged, (text) => plane.#hear(text)));
    plane.#stops.push(redis.onListening(() => plane.#refreshQuietly()));
    plane.#poll = setInterval(() => plane.#refreshQuietly(), options.pollMs);
    plane.#poll.unref();
    await plane.refresh();
    return plane;
  }

  /** The state this process acts on. Reading it costs nothing. */
  get state(): ControlState {
    return this.#state;
  }

  /** Calls back after each change, from whichever process it came. */
  onChange(listener: (state: ControlState, before: ControlState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the live state from Redis. Writes the first state again if Redis has lost it. */
  async refresh(): Promise<ControlState> {
    const hash = await this.#redis.ask('read control state', (redis) =>
      redis.hgetall(this.#redis.keys.control),
    );
    const state = hash.epoch ? parseControl(hash) : await initialise(this.#redis, this.#options);
    if (state.epoch < this.#state.epoch) {
      // Older than a message seen meanwhile, or Redis came back with an older state: the second look tells.
      if (this.#regressedTo === state.epoch) this.#replace(state);
      else this.#regressedTo = state.epoch;
    } else if (state.epoch > this.#state.epoch || state.updatedAt !== this.#state.updatedAt) {
      // The same epoch from another time: Redis forgot, and other changes came as far.
      this.#replace(state);
    }
    return this.#state;
  }

  /**
   * Changes ratio, mode or task ratios for all processes.
   * @throws {ControlConflictError} somebody else was first
   * @throws {FrozenError} a rollback is in force
   */
  async change(request: ChangeRequest): Promise<ControlState> {
    const expected = request.expectedEpoch ?? this.#state.epoch;
    const result = await this.#set('change', String(expected), request, fieldsOf(request.settings));
    if (result.status === 'frozen') throw new FrozenError('a change of the routing');
    if (result.status === 'conflict') throw new ControlConflictError(expected, result.state.epoch);
    return result.state;
  }

  /**
   * Makes a file's routing section live for all processes, whatever the epoch. Live already: no new epoch.
   * @returns the live state, which with `onlyIfNew` may be another
   * @throws {FrozenError} a rollback is in force
   */
  async applyFile(request: FileChange): Promise<ControlState> {
    const { settings, fileHash, onlyIfNew } = request;
    const fields = [...fieldsOf(settings), 'fileHash', fileHash];
    const result = await this.#set(onlyIfNew ? 'follow' : 'change', '', request, fields);
    if (result.status === 'frozen') throw new FrozenError('a change of the routing');
    return result.state;
  }

  /** The red button: from the moment this resolves, no task is accepted for canary (I3). Repeating it is harmless. */
  async freeze(request: { reason: string; actor?: string }): Promise<ControlState> {
    return (await this.#set('freeze', '', request, [])).state;
  }

  /** Lifts a freeze. The ratio stays 0 until somebody raises it. Harmless where nothing is frozen. */
  async resume(request: { reason: string; actor?: string }): Promise<ControlState> {
    return (await this.#set('resume', '', request, [])).state;
  }

  async #set(
    intent: 'change' | 'follow' | 'freeze' | 'resume',
    expected: string,
    request: { reason: string; actor?: string },
    fields: readonly (string | number)[],
  ): Promise<ControlChange> {
    const actor = request.actor ?? this.#options.actor;
    const reply = await this.#redis.run('set-control', [intent, expected, actor, request.reason, ...fields]);
    const change = parseChange(reply as string[]);
    this.#adopt(change.state);
    return change;
  }

  /** What is on the channel may be anybody's; one message lost is made good by the poll. */
  #hear(text: string): void {
    let state: ControlState;
    try {
      state = parseMessage(text);
    } catch {
      this.#options.onProblem?.(new Error('A message about the control state could not be read; left out.'));
      return;
    }
    this.#adopt(state);
  }

  #adopt(state: ControlState): void {
    if (state.epoch > this.#state.epoch) this.#replace(state);
  }

  #replace(state: ControlState): void {
    const before = this.#state;
    this.#state = state;
    this.#regressedTo = 0;
    for (const listener of this.#listeners) {
      try {
        listener(state, before);
      } catch (error) {
        // A listener's mistake is not the change's: the others must hear of it, and this process goes on.
        this.#options.onProblem?.(
          new Error(`A listener to changes threw: ${error instanceof Error ? error.message : typeof error}`),
        );
      }
    }
  }

  #refreshQuietly(): void {
    this.refresh().catch((error: unknown) => this.#options.onProblem?.(error as Error));
  }

  close(): void {
    clearInterval(this.#poll);
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }
}

async function initialise(redis: ControlRedis, options: ControlPlaneOptions): Promise<ControlState> {
  const fields = fieldsOf(options.initial);
  const args = ['init', '', options.actor, 'first state, from the configuration', ...fields];
  return parseChange((await redis.run('set-control', args)) as string[]).state;
}

/** As the script takes them: field, value, field, value. */
function fieldsOf(settings: Partial<RoutingSettings>): (string | number)[] {
  const { celeryRatio, mode, taskRatios } = settings;
  return [
    ...(celeryRatio === undefined ? [] : ['celeryRatio', celeryRatio]),
    ...(mode === undefined ? [] : ['mode', mode]),
    ...(taskRatios === undefined ? [] : ['taskRatios', JSON.stringify(taskRatios)]),
  ];
}

function parseChange(reply: readonly string[]): ControlChange {
  const hash = pairs(reply.slice(1));
  return { status: reply[0] as ControlChange['status'], state: parseControl(hash) };
}

/** A message holds the whole state as a list of fields and values, so that acting on it needs no round trip. */
function parseMessage(text: string): ControlState {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new TypeError('not a list');
  return parseControl(pairs(list as string[]));
}

function pairs(list: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) record[list[i] as string] = list[i + 1] as string;
  return record;
}

function parseControl(hash: Readonly<Record<string, string>>): ControlState {
  return Object.freeze({
    epoch: Number(hash.epoch ?? 0),
    celeryRatio: Number(hash.celeryRatio ?? 0),
    mode: (hash.mode ?? 'ratio') as RoutingMode,
    taskRatios: Object.freeze(JSON.parse(hash.taskRatios ?? '{}') as Record<string, number>),
    frozen: hash.frozen === 'rollback' ? 'rollback' : '',
    updatedAt: Number(hash.updatedAt ?? 0),
    updatedBy: hash.updatedBy ?? '',
    reason: hash.reason ?? '',
  });
}
