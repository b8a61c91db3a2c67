import { brokenByState } from './promises.ts';
import { type Contents, EMPTY, type Entry, isOpen } from './redis-contents.ts';
import { ALL_RULES, NO_BUDGET, type Rules, type Scenario } from './scenario.ts';
import { NOT_KNOWN_YET, type ScriptMemo } from './script-memo.ts';
import type { Call, ScriptChange } from './scripts.ts';
import { scriptTexts } from './scripts.ts';
import { copyOf, type State, taskId, tokenName, workerName } from './state.ts';
import type { Step } from './walk.ts';

const ENOUGH = 9;

/** One look at one state: collects the steps that are possible in it. */
export class System {
  readonly scenario: Scenario;
  readonly rules: Rules;
  readonly #memo: ScriptMemo;
  readonly #textOf: ReturnType<typeof scriptTexts>;
  readonly #calls: Call[] = [];
  readonly #callNumbers = new Map<string, number>();
  #from!: State;
  #steps: Step<State>[] = [];
  #isComplete = true;
  #violation: string | undefined;

  constructor(scenario: Scenario, memo: ScriptMemo, rules: Partial<Rules> = {}, change?: ScriptChange) {
    this.scenario = scenario;
    this.rules = { ...ALL_RULES, ...rules };
    this.#memo = memo;
    this.#textOf = scriptTexts(change);
  }

  get initial(): State {
    const { tasks, producers, workers, operators, budget, toStable, rollbackComes } = this.scenario;
    const lives = workers.map((_, i) => workerName(i + 1));
    const absent = () =>
      Array.from({ length: tasks }, () => ({ record: 'absent', waiting: 0, active: 0 }) as const);
    return {
      redis: this.#memo.numberOf({ ...EMPTY, workers: lives }),
      producers: producers.map((task, i) => ({
        step: 'deciding',
        task,
        epoch: '1',
        mayCanary: !toStable.includes(i),
      })),
      workers: workers.map((kind, i) => ({
        kind,
        life: i + 1,
        step: 'idle',
        task: 0,
        from: 'canary',
        token: 0,
        failures: 0,
        result: '',
        isPaused: false,
        isHeldUp: false,
      })),
      operators: operators.map((starts) => ({
        step: 'off',
        epoch: '',
        undelivered: 0,
        leftRunning: 0,
        starts,
        mustStart: rollbackComes,
      })),
      janitor: { step: 'idle', task: 0, owner: 'canary', wasDead: false },
      canary: Array.from({ length: tasks }, () => ({ state: 'absent', holder: 0 }) as const),
      moved: absent(),
      plain: absent(),
      left: { ...NO_BUDGET, ...budget },
      lateCall: 0,
      lateAdd: 0,
      mayBegin: Array.from({ length: tasks }, () => 1),
      submitted: 0,
      isRolledBack: false,
    } as State;
  }

  /** Begins to look at a state. */
  open(state: State): void {
    this.#from = state;
    this.#steps = [];
    this.#isComplete = true;
  }

  get found(): { readonly steps: readonly Step<State>[]; readonly isComplete: boolean } {
    return { steps: this.#steps, isComplete: this.#isComplete };
  }

  /** A step that is possible in the state that is looked at. `change` works on a copy. */
  step(label: string, kind: 'fair' | 'unfair', change: (next: State) => void): void {
    const to = copyOf(this.#from);
    this.#violation = undefined;
    try {
      change(to);
    } catch (error) {
      if (error !== NOT_KNOWN_YET) throw error;
      this.#isComplete = false;
      return;
    }
    this.#forget(to);
    this.#violation ??= brokenByState(to, this.contents(to), this.scenario);
    this.#steps.push({ label, isFair: kind === 'fair', to, violation: this.#violation });
  }

  /** What makes no difference any more is made equal, so that there are fewer states. */
  #forget(next: State): void {
    const { entries, outcomes, workers } = this.contents(next);
    for (let task = 0; task < next.mayBegin.length; task++) {
      const entry = entries[taskId(task)];
      if (entry !== undefined) next.submitted &= ~(1 << task);
      const isFinished = entry === undefined ? outcomes[taskId(task)] !== undefined : !isOpen(entry);
      if (isFinished) next.mayBegin[task] = 0;
    }
    if (workers.length === next.workers.length) return;
    for (const name of workers) {
      if (next.workers.some(({ life }) => workerName(life) === name)) continue;
      // Whether the dead seem alive matters only to what they were running.
      const isNamed = Object.values(entries).some(
        (entry) => entry.state === 'running' && entry.worker === name,
      );
      if (!isNamed) this.stopBeat(next, Number(name.slice(1)));
    }
  }

  /** Says that the step under way breaks a promise. */
  breaks(promise: string): void {
    this.#violation ??= promise;
  }

  contents(state: State): Contents {
    return this.#memo.contents(state.redis);
  }

  entry(state: State, task: number): Entry | undefined {
    return this.contents(state).entries[taskId(task)];
  }

  isOpen(state: State, task: number): boolean {
    return isOpen(this.entry(state, task));
  }

  /** Runs a script on the state. @returns its answer */
  run(next: State, call: Call): string {
    const text = this.#textOf(call.name);
    const { redis, reply, broken } = this.#memo.call(next.redis, text, call, this.scenario.maxLosses);
    if (broken !== undefined) this.breaks(broken);
    next.redis = redis;
    return reply;
  }

  /** The call is on its way and arrives at some other time, or never. */
  sendLate(next: State, call: Call): void {
    const text = JSON.stringify(call);
    let number = this.#callNumbers.get(text);
    if (number === undefined) {
      number = this.#calls.push(call);
      this.#callNumbers.set(text, number);
    }
    next.lateCall = number;
  }

  lateCall(state: State): Call | undefined {
    return this.#calls[state.lateCall - 1];
  }

  beat(next: State, life: number): void {
    const name = workerName(life);
    next.redis = this.#memo.edit(next.redis, `beat ${name}`, (contents) =>
      contents.workers.includes(name)
        ? contents
        : { ...contents, workers: [...contents.workers, name].sort() },
    );
  }

  /** The heartbeat runs out. Whoever was granted a task just before was held up since. */
  stopBeat(next: State, life: number): void {
    const name = workerName(life);
    next.redis = this.#memo.edit(next.redis, `stop ${name}`, (contents) => ({
      ...contents,
      workers: contents.workers.filter((worker) => worker !== name),
    }));
    for (const worker of next.workers)
      if (worker.life === life && worker.step === 'granted') worker.isHeldUp = true;
  }

  confirmKey(next: State, key: string): void {
    next.redis = this.#memo.edit(next.redis, `confirm ${key}`, (contents) => {
      const record = contents.keys[key];
      return record
        ? { ...contents, keys: { ...contents.keys, [key]: { ...record, confirmed: '1' } } }
        : contents;
    });
  }

  /** The smallest number that nobody uses or remembers. */
  freshToken(state: State): number {
    const used = new Set(state.workers.map((worker) => tokenName(worker.token)));
    for (const { token, retryOf, movedOf } of Object.values(this.contents(state).entries)) {
      for (const name of [token, retryOf, movedOf]) if (name !== undefined) used.add(name);
    }
    const late = this.lateCall(state);
    if (late && 'token' in late) used.add(late.token);
    let token = 1;
    while (used.has(tokenName(token))) token += 1;
    return token;
  }

  /** Of a process that starts. */
  freshLife(state: State): number {
    const { workers, entries } = this.contents(state);
    const used = new Set([...workers, ...Object.values(entries).map((entry) => entry.worker)]);
    for (const { life } of state.workers) used.add(workerName(life));
    for (const { holder } of state.canary) used.add(workerName(holder));
    const late = this.lateCall(state);
    if (late && 'worker' in late) used.add(late.worker);
    let life = 1;
    while (used.has(workerName(life))) life += 1;
    return life;
  }

  /** An event that explains one more beginning of a task's handler. */
  explain(next: State, task: number): void {
    next.mayBegin[task] = Math.min(ENOUGH, (next.mayBegin[task] ?? 0) + 1);
  }
}
