import { describe, expect, it } from '@jest/globals';
import { RedisUnreachableError } from '../../../src/domain/errors.ts';
import { askUntilAnswered } from '../../../src/execution/persistence.ts';
import { RecordingLog } from '../../support/recording-log.ts';

const down = () => new RedisUnreachableError('localhost:1', 'no answer', 'See whether it is up.');

describe('askUntilAnswered', () => {
  it('asks until there is an answer, and says how often it had none', async () => {
    const log = new RecordingLog();
    let asked = 0;
    const ask = async () => {
      asked += 1;
      if (asked < 3) throw asked === 1 ? down() : new Error('odd');
      return 'answer';
    };
    expect(await askUntilAnswered('finish', ask, new AbortController().signal, log)).toBe('answer');
    expect(log.lines.map(({ level, fields }) => [level, fields])).toEqual([
      ['warn', { what: 'finish', attempt: 0 }],
      ['error', { what: 'finish', attempt: 1 }],
    ]);
  });

  it('ends when the process gives up, while it waits', async () => {
    const giveUp = new AbortController();
    const ask = () => {
      setImmediate(() => giveUp.abort(new Error('stopped')));
      return Promise.reject(down());
    };
    await expect(askUntilAnswered('finish', ask, giveUp.signal, new RecordingLog())).rejects.toThrow();
  });

  it('ends when the process gave up, without asking again', async () => {
    const giveUp = new AbortController();
    let asked = 0;
    const ask = () => {
      asked += 1;
      giveUp.abort(new Error('stopped'));
      return Promise.reject(down());
    };
    await expect(askUntilAnswered('finish', ask, giveUp.signal, new RecordingLog())).rejects.toThrow(
      'stopped',
    );
    expect(asked).toBe(1);
  });
});
