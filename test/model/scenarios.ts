import type { Scenario } from './scenario.ts';

const BASE: Scenario = {
  tasks: 1,
  producers: [0],
  workers: ['canary', 'stable'],
  operators: [1],
  budget: {},
  retries: 1,
  maxLosses: 9,
  isKeyed: false,
  toStable: [],
  aborts: false,
  keepsCompleted: false,
  losesPatience: false,
  rollbackComes: false,
};

const of = (scenario: Partial<Scenario>): Scenario => ({ ...BASE, ...scenario });
const TWO_CANARY = ['canary', 'canary'] as const;

/** Walked in every test run. */
export const SCENARIOS = {
  'nothing goes wrong': of({}),
  'rollback is killed': of({ budget: { operatorCrash: 1, janitorCrash: 1, producerCrash: 1 } }),
  'two operators': of({ operators: [1, 1], budget: { operatorCrash: 1 } }),
  'somebody resumes': of({ budget: { resume: 1 } }),
  'two tasks, canary is dead': of({ tasks: 2, producers: [0, 1], workers: ['stable'], rollbackComes: true }),
  'two tasks on canary': of({ tasks: 2, producers: [0, 1], operators: [] }),
  'straight to stable': of({
    workers: ['stable', 'stable'],
    operators: [],
    toStable: [0],
    budget: { crash: 1, pause: 1 },
  }),
  'canary workers crash': of({ workers: TWO_CANARY, operators: [], budget: { crash: 1, pause: 1 } }),
  'canary worker stands still': of({ budget: { pause: 1 } }),
  'stable workers crash': of({ workers: ['canary', 'stable', 'stable'], budget: { crash: 1 } }),
  'retry and freeze': of({ budget: { fail: 1, crash: 1 } }),
  'retry and pause': of({ workers: TWO_CANARY, operators: [], budget: { fail: 1, pause: 1 } }),
  'cancel and crash': of({ budget: { cancel: 1, crash: 1 } }),
  'cancel and failure': of({ budget: { cancel: 1, fail: 1 } }),
  'cancel and pause': of({ workers: TWO_CANARY, operators: [], budget: { cancel: 1, pause: 1 } }),
  'canary is down': of({ budget: { add: 1, producerCrash: 1 } }),
  'canary is down, worker crashes': of({ operators: [], budget: { add: 1, crash: 1 } }),
  'heartbeat and lock are lost': of({
    workers: TWO_CANARY,
    operators: [],
    budget: { heartbeat: 1, lock: 1, fail: 1 },
  }),
  'answers are lost': of({ budget: { lost: 1, fail: 1 } }),
  'calls outlive their senders': of({ budget: { late: 1 } }),
  'ratio changes': of({ operators: [], budget: { ratio: 1, late: 1, lost: 1 } }),
  'one key, two producers': of({ tasks: 2, producers: [0, 1], isKeyed: true, budget: { producerCrash: 1 } }),
  'one key, both ways': of({
    tasks: 2,
    producers: [0, 1],
    operators: [],
    isKeyed: true,
    toStable: [1],
    budget: { producerCrash: 1, lost: 1 },
  }),
  'rollback aborts': of({ aborts: true, retries: 0, budget: { crash: 1 } }),
  'rollback loses patience': of({ losesPatience: true, aborts: true }),
  'BullMQ gives up': of({ budget: { crash: 1, giveUp: 1 } }),
  'poison task': of({ operators: [], maxLosses: 0, budget: { crash: 2, lost: 1 } }),
} satisfies Record<string, Scenario>;

/** Walked only with HYBRID_MODEL=long: minutes. */
export const LONG_SCENARIOS = {
  'a heartbeat is lost': of({ budget: { heartbeat: 1, fail: 1 } }),
  'answers are lost, workers crash': of({ budget: { lost: 1, crash: 1 } }),
  'two operators, one resumes': of({ operators: [1, 1], budget: { operatorCrash: 1, resume: 1 } }),
  'two tasks': of({ tasks: 2, producers: [0, 1] }),
  'calls outlive their senders, handlers fail': of({ budget: { late: 1, fail: 1 } }),
  'canary worker stands still and crashes': of({ budget: { pause: 1, crash: 1 } }),
  'retry, freeze and resume': of({ budget: { fail: 1, crash: 1, resume: 1 } }),
  'cancel, crash and failure': of({ budget: { cancel: 1, crash: 1, fail: 1 } }),
  'cancel and pause with stable': of({ budget: { cancel: 1, pause: 1 } }),
  'canary is down, everybody crashes': of({ budget: { add: 1, crash: 1, producerCrash: 1 } }),
  'two answers are lost': of({ budget: { lost: 2, fail: 1 } }),
  'one key and a resume': of({
    tasks: 2,
    producers: [0, 1],
    isKeyed: true,
    budget: { producerCrash: 1, resume: 1 },
  }),
  'rollback loses patience, workers crash': of({ losesPatience: true, aborts: true, budget: { crash: 1 } }),
  'poison task and rollback': of({ maxLosses: 0, budget: { crash: 2, lost: 1 } }),
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;
