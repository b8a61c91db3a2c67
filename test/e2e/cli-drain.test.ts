import { describe, expect, it, jest } from '@jest/globals';
import type { DrainReport } from '../../src/index.ts';
import { cliPlace } from '../support/cli.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

const ALL_TO_CANARY = 'routing: { celeryRatio: 1 }';

describe('hybrid drain stable', () => {
  it('is refused with 3, and says what to type, while tasks are still sent there', async () => {
    const place = cliPlace('routing: { celeryRatio: 0.5 }');
    await place.begin();
    const refused = await place.run('drain', 'stable');
    expect(refused.code).toBe(3);
    // As it stands there it acts on the same place.
    expect(refused.stderr).toContain(
      `the ratio is 0.5, so new tasks go to stable (to do: hybrid ratio 1 --reason "..." ${place.at.join(' ')}).`,
    );
    expect(refused.stderr).toMatch(/\(E_NOT_DRAINABLE\)\n$/);
    const asJson = await place.run('drain', 'stable', '--json');
    expect([asJson.code, JSON.parse(asJson.stdout).error.code]).toEqual([3, 'E_NOT_DRAINABLE']);
    expect((await place.run('drain', 'canary')).code).toBe(2);
    await place.run('freeze', '--reason', 'x');
    const lift = ['hybrid resume', 'hybrid ratio 1'].map(
      (it) => `${it} --reason "..." ${place.at.join(' ')}`,
    );
    expect((await place.run('drain', 'stable')).stderr).toContain(`(to do: ${lift.join(', then ')}).`);
  });

  it('ends with 0 when stable is empty, and says what that proves', async () => {
    const place = cliPlace(ALL_TO_CANARY);
    await place.begin();
    const drained = await place.run('drain', 'stable', '--quiet', '200ms');
    expect(drained).toMatchObject({ code: 0, stderr: '' });
    expect(drained.stdout).toContain('Drained: for 200 ms no job of 8 known queues was waiting');
    expect(drained.stdout).toContain('a plain bee-queue producer');
    const report = await place.json<DrainReport>('drain', 'stable', '--quiet', '0s');
    expect(report).toMatchObject({ verdict: 'drained', quietMs: 0, look: { isEmpty: true } });
  });

  it('names a long delay, ends with 3 after --timeout and with 130 after Ctrl-C', async () => {
    const place = cliPlace(ALL_TO_CANARY);
    const late = ['submit', 'add', '--data', '{"a":1,"b":1}', '--backend', 'stable', '--delay', '1d'];
    const { id } = await place.json<{ id: string }>(...late);
    const inTime = await place.run('drain', 'stable', '--timeout', '10ms');
    expect(inTime).toMatchObject({ code: 3, stderr: '' });
    expect(inTime.stdout).toMatch(new RegExp(`sums +${id} +not said +in 23 h`));
    expect(inTime.stdout).toMatch(/Not drained after .*: 1 delayed\.\n$/);
    const drain = place.start('drain', 'stable');
    await drain.says('sums: 1 delayed');
    await place.run('cancel', id);
    await drain.says('Empty; waiting whether it stays so for 10 s.');
    drain.kill('SIGINT');
    const stopped = await drain.ended;
    expect(stopped).toMatchObject({ code: 130, stderr: '' });
    expect(stopped.stdout).toMatch(/Stopped before it was drained, after .*: it was empty, but not/);
  });
});
