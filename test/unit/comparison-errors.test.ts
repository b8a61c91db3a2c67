import { describe, expect, it } from '@jest/globals';
import { readParityOptions } from '../../src/domain/parity-options.ts';
import { compareObservations } from '../../src/parity/comparison.ts';
import { normaliseMessage } from '../../src/parity/error-comparison.ts';
import { failed, mismatchOf, succeeded } from '../support/compared.ts';

const definition = readParityOptions('sample', { ignore: ['/at'] });

type Failure = { readonly name: string; readonly message: string; readonly code?: string };

const bothFailed = (stable: Failure, canary: Failure) =>
  compareObservations(definition, failed(stable), failed(canary, 'canary'));

const saying = (message: string): Failure => ({ name: 'Error', message });

describe('two runs that failed', () => {
  it.each([
    ['Row 17 of 200 is bad', 'Row 4 of 31 is bad'],
    ['took 350 ms', 'took 1.2 s'],
    ['waited 30 seconds', 'waited 1 minute'],
    ['no order 0a1b2c3d4e5f', 'no order 12345678'],
    ['at 0x7ffee4 it broke', 'at 0x10 it broke'],
    ['no 6f1c2d3e-ab0c-4fde-8abc-00000000abcd', 'no ABCDEF01-0d0d-4000-9fed-00000000abcd'],
    [
      'task-018f4e1a-7b2c-7d3e-8f40-0123456789ab is gone',
      'task-018f4e1a-7b2c-7d3e-9f40-ba9876543210 is gone',
    ],
    ['since 2026-01-31T10:00:00.123Z', 'since 2026-02-01 09:59'],
    ['at 10:15:01.5 it broke', 'at 7:03 it broke'],
    ["open '/tmp/run-a/in.json' failed", "open './b/in.json' failed"],
    ['open "C:\\jobs\\a.json" failed', 'open "/jobs/b.json" failed'],
    ['is -1.5e-7', 'is 3'],
  ])('%j is the same as %j', (stable, canary) => {
    expect(bothFailed(saying(stable), saying(canary)).comparison).toEqual({ verdict: 'match' });
  });

  it.each<readonly [stable: Failure, canary: Failure, note: string]>([
    [saying('no such page'), saying('no such book'), 'Both failed with Error, with different messages.'],
    [
      saying("open 'a' failed"),
      saying("open 'b' failed"),
      'Both failed with Error, with different messages.',
    ],
    [saying('x'), { name: 'TypeError', message: 'x' }, 'Stable failed with Error, canary with TypeError.'],
    [
      saying('x'),
      { name: 'Error', message: 'x', code: 'E_X' },
      'Stable failed with Error, canary with Error (E_X).',
    ],
    [
      { name: 'E', message: 'x', code: 'A' },
      { name: 'E', message: 'x', code: 'B' },
      'Stable failed with E (A), canary with E (B).',
    ],
    [
      saying('x'),
      { name: 'For John Doe', message: 'x' },
      'Stable failed with Error, canary with an error without a plain name.',
    ],
  ])('%j is not %j', (stable, canary, note) => {
    const pair = bothFailed(stable, canary);
    expect(pair.comparison).toEqual({ verdict: 'mismatch', kind: 'error', differences: [], note });
    expect(pair).toMatchObject({ stable: null, canary: null, unmatchedIgnores: [], paths: [] });
  });

  it('in long messages the beginning is compared, in reasonable time', () => {
    for (const part of ['9', 'a1', "'/", '1:', '2026-01-', '-', '1 ', 'deadbeef', '1.1,']) {
      const long = part.repeat(500_000);
      expect(normaliseMessage(long).length).toBeLessThan(40_000);
    }
  });
});

describe('one run that succeeded and one that failed', () => {
  const error = { name: 'TypeError', message: 'secret', code: 'E_X' };

  it('says which, and shows the result that there is', () => {
    const onCanary = compareObservations(definition, succeeded({ n: 1 }), failed(error, 'canary'));
    expect(mismatchOf(onCanary)).toMatchObject({
      kind: 'outcome',
      differences: [],
      note: 'Stable succeeded, canary failed with TypeError (E_X).',
    });
    expect(onCanary).toMatchObject({ stable: '{"n":1}', canary: null, paths: [] });
    const onStable = compareObservations(definition, failed(error), succeeded({ n: 1 }, 'canary'));
    expect(mismatchOf(onStable).note).toBe('Canary succeeded, stable failed with TypeError (E_X).');
    expect(onStable).toMatchObject({ stable: null, canary: '{"n":1}' });
  });

  it('without an error or a result too', () => {
    const pair = compareObservations(definition, succeeded(undefined), {
      backend: 'canary',
      status: 'failed',
    });
    expect(mismatchOf(pair).note).toBe('Stable succeeded, canary failed with an error without a plain name.');
    expect(pair).toMatchObject({ stable: null, canary: null });
  });
});
