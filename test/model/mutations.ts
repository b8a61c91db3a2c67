import type { Rules } from './scenario.ts';
import type { ScenarioName } from './scenarios.ts';
import type { ScriptChange } from './scripts.ts';

/** A rule of the protocol taken out, and what the walk must find then. */
export interface Mutation {
  readonly rule: string;
  /** In a script's text ... */
  readonly change?: ScriptChange;
  /** ... or in the TypeScript around it. */
  readonly without?: keyof Rules;
  readonly scenario: ScenarioName;
  /** The promise that breaks. */
  readonly breaks: string;
}

const KEY_WRITE = "redis.call('HSET', P .. 'key:' .. keyHash, 'id', id, 'owner', 'canary', 'confirmed', '1')";
const BUSY = "if state == 'running' and holder ~= worker and isAlive(holder) then return { 'busy' } end";
const FROZEN_RETRY =
  "if e[1] == 'canary' and redis.call('HGET', P .. 'control', 'frozen') == 'rollback' then";

export const MUTATIONS: readonly Mutation[] = [
  {
    rule: 'accept: no decision of an older epoch',
    change: {
      script: 'accept',
      find: 'elseif isOpenFor ~= epoch then',
      replace: 'elseif not isOpenFor then',
    },
    scenario: 'somebody resumes',
    breaks: 'I3: nothing is accepted under an older epoch',
  },
  {
    rule: 'start: only for the backend that owns the task',
    change: { script: 'start', find: "if owner ~= backend then return { 'skip', 'moved' } end", replace: '' },
    scenario: 'nothing goes wrong',
    breaks: 'I2: only the backend that owns a task starts it',
  },
  {
    rule: 'finish: only with the token granted last',
    change: {
      script: 'finish',
      find: "elseif e[1] and (e[3] ~= token or e[2] ~= 'running') then",
      replace: "elseif e[1] and e[2] ~= 'running' then",
    },
    scenario: 'canary workers crash',
    breaks: 'I1: the outcome is that of the run granted last',
  },
  {
    rule: 'accept: a known id is looked for first',
    change: {
      script: 'accept',
      find: '  if known[1] then',
      replace: "  if isOpenFor ~= epoch then results[i] = { 'stale' }\n  elseif known[1] then",
    },
    scenario: 'answers are lost',
    breaks: 'an accepted task is a duplicate, also when frozen',
  },
  {
    rule: 'accept: claims the key in the same step',
    change: { script: 'accept', find: KEY_WRITE, replace: '' },
    scenario: 'one key, two producers',
    breaks: 'one task for one idempotency key',
  },
  {
    rule: 'start: a requested cancel ends the task',
    change: { script: 'start', find: 'if e[8] then', replace: 'if false then' },
    scenario: 'cancel and pause',
    breaks: 'no run begins after a cancel was requested',
  },
  {
    rule: 'start: busy under another live worker',
    change: { script: 'start', find: BUSY, replace: '' },
    scenario: 'canary workers crash',
    breaks: 'I2: never granted beside another live worker',
  },
  {
    rule: 'start: renews the heartbeat',
    change: {
      script: 'start',
      find: "redis.call('SET', P .. 'worker:' .. worker, '{}', 'PX', ARGV[3])",
      replace: '',
    },
    scenario: 'canary workers crash',
    breaks: 'no second run without a stall, a crash, a pause or a retry',
  },
  {
    rule: 'retry: only with the token granted last',
    change: {
      script: 'retry',
      find: "if e[2] ~= 'running' or e[3] ~= token then return { 'fenced' } end",
      replace: "if e[2] ~= 'running' then return { 'fenced' } end",
    },
    scenario: 'retry and pause',
    breaks: "I2: a run does not end another one's",
  },
  {
    rule: 'retry: never of a finished task',
    change: {
      script: 'retry',
      find: "if e[2] ~= 'running' or e[3] ~= token then return { 'fenced' } end",
      replace: '',
    },
    scenario: 'retry and pause',
    breaks: "I2: a run does not end another one's",
  },
  {
    rule: 'retry: a requested cancel ends the task',
    change: { script: 'retry', find: 'if e[4] then', replace: 'if false then' },
    scenario: 'cancel and failure',
    breaks: 'a requested cancel is kept',
  },
  {
    rule: 'retry: moves the task while frozen',
    change: { script: 'retry', find: FROZEN_RETRY, replace: 'if false then' },
    scenario: 'retry and freeze',
    breaks: 'a retry while frozen goes to stable',
  },
  {
    rule: 'retry: an abort costs no try',
    change: { script: 'retry', find: "if free ~= '1' then failures", replace: 'if true then failures' },
    scenario: 'rollback aborts',
    breaks: 'an abort by rollback costs no try',
  },
  {
    rule: 'retry: the same answer again after a lost one',
    change: {
      script: 'retry',
      find: "if e[8] == token and e[2] ~= 'running' and isOpen(e[2]) then",
      replace: 'if false then',
    },
    scenario: 'answers are lost',
    breaks: 'a question asked again is answered as before',
  },
  {
    rule: 'cancel: only an open entry',
    change: { script: 'cancel', find: "if not isOpen(e[2]) then return 'finished' end", replace: '' },
    scenario: 'cancel and failure',
    breaks: 'I8: the counts agree with the entries after every script',
  },
  {
    rule: 'reassign: what runs only under a dead worker',
    change: {
      script: 'reassign',
      find: "(e[2] == 'running' and mayJudge and not isAlive(e[3] or ''))",
      replace: "e[2] == 'running'",
    },
    scenario: 'nothing goes wrong',
    breaks: 'never moved under a live worker',
  },
  {
    rule: 'reassign: a requested cancel ends the task',
    change: { script: 'reassign', find: 'if e[4] or e[11] then', replace: 'if false then' },
    scenario: 'cancel and crash',
    breaks: 'a requested cancel is kept',
  },
  {
    rule: 'reassign: for a rollback only while frozen',
    change: { script: 'reassign', find: 'if isStopped then', replace: 'if false then' },
    scenario: 'somebody resumes',
    breaks: 'a rollback moves nothing once somebody has resumed',
  },
  {
    rule: 'record-outcome: the first one stays',
    change: { script: 'record-outcome', find: "ttl, 'NX') then", replace: 'ttl) then' },
    scenario: 'straight to stable',
    breaks: 'I1: a recorded outcome stays',
  },
  {
    rule: 'counts: moved tasks are counted apart',
    change: { script: 'prelude', find: "'counts', MOVED[state], 1", replace: "'counts', state, 1" },
    scenario: 'nothing goes wrong',
    breaks: 'I8: the counts agree with the entries after every script',
  },
  {
    rule: 'every grant has a token of its own',
    without: 'tokensAreUnique',
    scenario: 'canary workers crash',
    breaks: 'I2: never granted beside another live worker',
  },
  {
    rule: 'a silent accept never falls to stable',
    without: 'silentAcceptNeverFalls',
    scenario: 'answers are lost',
    breaks: 'no second run without a stall, a crash, a pause or a retry',
  },
  {
    rule: 'a worker without an answer asks again',
    without: 'asksAgain',
    scenario: 'answers are lost',
    breaks: 'I1: every accepted task can still finish',
  },
  {
    rule: 'a worker that was held up asks again',
    without: 'heldUpAsksAgain',
    scenario: 'canary worker stands still',
    breaks: 'no canary run begins after the move',
  },
  {
    rule: 'an unconfirmed key is enqueued again',
    without: 'unconfirmedKeysAreEnqueued',
    scenario: 'one key, both ways',
    breaks: 'I1: every accepted task can still finish',
  },
  {
    rule: 'there is a janitor',
    without: 'hasJanitor',
    scenario: 'rollback is killed',
    breaks: 'I1: every accepted task can still finish',
  },
  {
    rule: 'the janitor walks both owners',
    without: 'janitorWalksBothOwners',
    scenario: 'canary is down',
    breaks: 'I1: every accepted task can still finish',
  },
  {
    rule: 'the janitor walks all states',
    without: 'janitorWalksAllStates',
    scenario: 'stable workers crash',
    breaks: 'I1: every accepted task can still finish',
  },
  {
    rule: 'the janitor removes dead jobs',
    without: 'janitorRemovesDeadJobs',
    scenario: 'BullMQ gives up',
    breaks: 'I1: every accepted task can still finish',
  },
  {
    rule: 'verify enqueues what is missing',
    without: 'verifyEnqueuesMissing',
    scenario: 'rollback is killed',
    breaks: 'I4: after rollback every moved task that was not begun is in a queue of stable',
  },
  {
    rule: 'verify looks again at what ran on',
    without: 'verifiesAgainWhatRanOn',
    scenario: 'rollback loses patience',
    breaks: 'I4: after rollback every moved task that was not begun is in a queue of stable',
  },
  {
    rule: 'verify reads the control state again',
    without: 'verifyReadsControlAgain',
    scenario: 'somebody resumes',
    breaks: 'I4: after rollback canary has no unfinished task',
  },
];
