import { describe, expect, it } from '@jest/globals';
import * as errors from '../../../src/domain/errors.ts';

const {
  BackendError,
  ClosedError,
  ControlConflictError,
  FrozenError,
  HybridTaskError,
  InvalidConfigError,
  InvalidPayloadError,
  InvalidRatioError,
  InvalidResultError,
  InvalidSubmissionError,
  InvalidTaskDefinitionError,
  InvalidTaskIdError,
  NotDrainableError,
  NotJsonSafeError,
  PayloadTooLargeError,
  PoisonTaskError,
  RedisUnreachableError,
  RedisUnsuitableError,
  ResultNotStoredError,
  ResultTimeoutError,
  show,
  TaskFailedError,
  TaskTimeoutError,
  UnknownNamespaceError,
  UnknownSubmissionStateError,
  UnknownTaskError,
} = errors;

/** One of each. Codes are an interface: people write them into scripts and alerts. */
const ALL: readonly (readonly [code: string, error: errors.HybridTaskError])[] = [
  ['E_INVALID_TASK_DEFINITION', new InvalidTaskDefinitionError('t', 'retries', -1, 'a whole number')],
  ['E_INVALID_CONFIG', new InvalidConfigError('hybrid.yaml', [{ path: 'a.b', given: '1', allowed: '2' }])],
  ['E_INVALID_RATIO', new InvalidRatioError('50%')],
  ['E_UNKNOWN_TASK', new UnknownTaskError('t', ['a', 'b'])],
  ['E_INVALID_TASK_ID', new InvalidTaskIdError('wait')],
  ['E_INVALID_SUBMISSION', new InvalidSubmissionError('delayMs', -1, 'a whole number')],
  ['E_INVALID_PAYLOAD', new InvalidPayloadError('t', [{ path: '/a', problem: 'expected string' }])],
  ['E_NOT_JSON_SAFE', new NotJsonSafeError('The payload', '/a', 'a bigint')],
  ['E_PAYLOAD_TOO_LARGE', new PayloadTooLargeError('The payload', 2, 1)],
  ['E_UNKNOWN', new UnknownSubmissionStateError('task-1')],
  ['E_REDIS_UNREACHABLE', new RedisUnreachableError('h:1', 'no answer', 'Start it.')],
  ['E_REDIS_UNSUITABLE', new RedisUnsuitableError('h:1', 'evicts', 'Set noeviction.')],
  ['E_BACKEND', new BackendError('canary', 'enqueue', 'refused')],
  ['E_CONTROL_CONFLICT', new ControlConflictError(1, 2)],
  ['E_FROZEN', new FrozenError('a change')],
  ['E_NOT_DRAINABLE', new NotDrainableError([{ what: 'the ratio is 0.5', command: 'hybrid ratio 1' }])],
  ['E_UNKNOWN_NAMESPACE', new UnknownNamespaceError('hybird', ['hybrid'])],
  ['E_RESULT_TIMEOUT', new ResultTimeoutError('task-1', 10)],
  ['E_RESULT_NOT_STORED', new ResultNotStoredError('task-1', 't')],
  ['E_TASK_FAILED', new TaskFailedError('task-1', 't', 'failed', { name: 'Error', message: 'm' })],
  ['E_TASK_TIMEOUT', new TaskTimeoutError('task-1', 10)],
  ['E_POISON_TASK', new PoisonTaskError('task-1', 4)],
  ['E_INVALID_RESULT', new InvalidResultError('t', [{ path: '', problem: 'expected number' }])],
  ['E_CLOSED', new ClosedError('The manager')],
];

describe('errors', () => {
  it.each(ALL)('%s has its code, its class as name and a whole sentence', (code, error) => {
    expect(error).toBeInstanceOf(HybridTaskError);
    expect(error).toMatchObject({ code, name: error.constructor.name });
    expect(error.message).toMatch(/^[^\n]{20,}/);
    expect(error.message).not.toMatch(/undefined|\[object/);
  });

  it('are all in the list above, each with a code of its own', () => {
    const classes = Object.values(errors).filter((e) => typeof e === 'function' && e !== show);
    expect(ALL).toHaveLength(classes.length - 1); // all but the abstract one
    expect(new Set(ALL.map(([code]) => code)).size).toBe(ALL.length);
  });

  it('keep their cause', () => {
    const cause = new Error('first');
    expect(new UnknownSubmissionStateError('task-1', { cause }).cause).toBe(cause);
  });

  it('name every problem of a config', () => {
    const two = [
      { path: 'a', given: '1', allowed: 'x' },
      { path: 'b', given: '2', allowed: 'y' },
    ];
    expect(new InvalidConfigError('The file', two).message).toBe(
      'The file cannot be used:\n  a: given 1; allowed: x\n  b: given 2; allowed: y',
    );
  });
});

describe('show', () => {
  it.each<[unknown, string]>([
    ['text "with quotes"', '"text \\"with quotes\\""'],
    ['two\nlines', '"two\\nlines"'],
    [10n, '10n'],
    [Number.NaN, 'NaN'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{ secret: 1 }, 'an object'],
    [['secret'], 'an array'],
    [Symbol('s'), 'Symbol(s)'],
  ])('%p', (value, text) => {
    expect(show(value)).toBe(text);
  });

  it('is short, whatever is given', () => {
    expect(show('x'.repeat(100_000))).toHaveLength(80);
    expect(show(Array(10_000).fill('secret'))).toBe('an array');
  });

  it('never throws, also for what has no text', () => {
    const without = Object.create(null) as unknown;
    const throwing = {
      toString() {
        throw new Error('no text');
      },
    };
    expect([show(without), show(throwing), show([throwing])].every((text) => typeof text === 'string')).toBe(
      true,
    );
  });
});
