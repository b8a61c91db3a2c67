import { describe, expect, it } from '@jest/globals';
import { newTaskId } from '../../src/manager/submission.ts';
import { drawCopy, samplingSaltOf } from '../../src/routing/copy-sampling.ts';
import { bucketOf, saltOf } from '../../src/routing/sticky-hash.ts';

const ids = Array.from({ length: 20_000 }, () => newTaskId());
const salt = samplingSaltOf('shop');
const draw =
  (sampleRate: number, controlShare = 0) =>
  (id: string) =>
    drawCopy(salt, id, { sampleRate, controlShare });

describe('drawCopy', () => {
  it('copies the share that was asked for, none at 0 and all at 1', () => {
    expect(ids.filter((id) => draw(0)(id) !== null)).toEqual([]);
    expect(ids.every((id) => draw(1)(id) === 'shadow')).toBe(true);
    // Ten standard deviations wide.
    const share = ids.filter((id) => draw(0.1)(id) !== null).length / ids.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.022);
  });

  it('gives its share of the copies to the same backend', () => {
    const drawn = ids.map(draw(0.5, 0.2)).filter((kind) => kind !== null);
    const share = drawn.filter((kind) => kind === 'control').length / drawn.length;
    expect(Math.abs(share - 0.2)).toBeLessThan(0.045);
  });

  it('draws without regard to the backend that routing drew', () => {
    const routing = saltOf('shop');
    const onCanary = ids.filter((id) => bucketOf(routing, id) < 0.1);
    const share = onCanary.filter((id) => draw(0.1)(id) !== null).length / onCanary.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.07);
  });
});
