/** One atomic step of one process. */
export interface Step<S> {
  readonly label: string;
  /** Happens some time if it stays possible. A crash, a lost answer or an operator's wish is not fair. */
  readonly isFair: boolean;
  readonly to: S;
  /** A promise that this step breaks. */
  readonly violation: string | undefined;
}

export interface Model<S> {
  readonly initial: S;
  keyOf(state: S): string;
  /** All steps that are possible; `isComplete` false: some need an answer that has to be fetched first. */
  stepsFrom(state: S): { readonly steps: readonly Step<S>[]; readonly isComplete: boolean };
  fetch(): Promise<void>;
  /** From every state, each of these has to be reachable by fair steps alone. */
  readonly goals: readonly { readonly name: string; readonly isMet: (state: S) => boolean }[];
}

export interface Violation {
  readonly promise: string;
  /** The shortest way there, one line for each step. */
  readonly trace: readonly string[];
}

export interface WalkResult {
  readonly states: number;
  readonly steps: number;
  readonly violations: readonly Violation[];
}

export interface WalkOptions {
  /** Stop at the first broken promise. @default false */
  readonly stopsAtFirst?: boolean;
  /** A walk that grows beyond this is an error. @default 2_000_000 */
  readonly mostStates?: number;
}

/** Walks every state that can be reached, breadth first, so that what it finds has the shortest trace. */
export async function walk<S>(model: Model<S>, options: WalkOptions = {}): Promise<WalkResult> {
  const graph = new Graph(model);
  const { mostStates = 2_000_000 } = options;
  graph.add(model.initial, -1, '');
  let frontier = graph.takeNew();
  while (frontier.length > 0) {
    const postponed: Found<S>[] = [];
    for (const found of frontier) {
      const { steps, isComplete } = model.stepsFrom(found.state);
      if (!isComplete) postponed.push(found);
      else for (const step of steps) graph.follow(found.number, step);
      if (options.stopsAtFirst && graph.violations.size > 0) return graph.result();
    }
    if (graph.size > mostStates) throw new Error(`More than ${mostStates} states.`);
    if (postponed.length > 0) await model.fetch();
    frontier = [...postponed, ...graph.takeNew()];
  }
  graph.checkGoals();
  return graph.result();
}

interface Found<S> {
  readonly number: number;
  readonly state: S;
}

class Graph<S> {
  readonly violations = new Map<string, readonly string[]>();
  readonly #model: Model<S>;
  readonly #numbers = new Map<string, number>();
  readonly #parents: number[] = [];
  readonly #labels: string[] = [];
  /** Of each goal, the states in which it is met. */
  readonly #met: number[][];
  /** Fair steps: from, to, from, to, ... */
  readonly #fair: number[] = [];
  #new: Found<S>[] = [];
  #steps = 0;

  constructor(model: Model<S>) {
    this.#model = model;
    this.#met = model.goals.map(() => []);
  }

  get size(): number {
    return this.#parents.length;
  }

  takeNew(): Found<S>[] {
    const found = this.#new;
    this.#new = [];
    return found;
  }

  add(state: S, parent: number, label: string): number {
    const key = this.#model.keyOf(state);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#parents.length;
    this.#numbers.set(key, number);
    this.#parents.push(parent);
    this.#labels.push(label);
    this.#new.push({ number, state });
    this.#model.goals.forEach((goal, i) => {
      if (goal.isMet(state)) this.#met[i]?.push(number);
    });
    return number;
  }

  follow(from: number, step: Step<S>): void {
    this.#steps += 1;
    if (step.violation !== undefined) {
      if (!this.violations.has(step.violation)) {
        this.violations.set(step.violation, [...this.#traceTo(from), step.label]);
      }
      return;
    }
    const to = this.add(step.to, from, step.label);
    if (step.isFair && to !== from) this.#fair.push(from, to);
  }

  #traceTo(number: number): string[] {
    const labels: string[] = [];
    for (let at = number; at > 0; at = this.#parents[at] as number) labels.push(this.#labels[at] as string);
    return labels.reverse();
  }

  checkGoals(): void {
    if (this.violations.size > 0) return; // what lies behind a broken promise was not walked
    const { starts, sources } = this.#reversed();
    this.#model.goals.forEach((goal, i) => {
      const canReach = new Uint8Array(this.size);
      const queue = [...(this.#met[i] ?? [])];
      for (const number of queue) canReach[number] = 1;
      for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
        for (let at = starts[number] as number; at < (starts[number + 1] as number); at++) {
          const source = sources[at] as number;
          if (canReach[source] === 1) continue;
          canReach[source] = 1;
          queue.push(source);
        }
      }
      const stuck = canReach.indexOf(0);
      if (stuck >= 0) this.violations.set(goal.name, this.#traceTo(stuck));
    });
  }

  /** For each state, where its fair predecessors stand in one list. */
  #reversed(): { readonly starts: Int32Array; readonly sources: Int32Array } {
    const starts = new Int32Array(this.size + 2);
    const edges = this.#fair;
    for (let i = 1; i < edges.length; i += 2)
      starts[(edges[i] as number) + 2] = (starts[(edges[i] as number) + 2] as number) + 1;
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
    const sources = new Int32Array(edges.length / 2);
    for (let i = 0; i < edges.length; i += 2) {
      const to = (edges[i + 1] as number) + 1;
      const place = starts[to] as number;
      sources[place] = edges[i] as number;
      starts[to] = place + 1;
    }
    return { starts, sources };
  }

  result(): WalkResult {
    const violations = [...this.violations].map(([promise, trace]) => ({ promise, trace }));
    return { states: this.size, steps: this.#steps, violations };
  }
}
