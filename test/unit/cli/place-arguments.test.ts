import { describe, expect, it } from '@jest/globals';
import { placeArguments } from '../../../src/cli/options.ts';

describe('what stands behind a printed command', () => {
  it.each([
    [{}, ''],
    [{ json: true, app: 'tasks.js' } as const, ''],
    [{ config: 'config/hybrid.yaml', namespace: 'shop' }, ' --config config/hybrid.yaml --namespace shop'],
    [{ config: "it's mine.yaml" }, " --config 'it'\\''s mine.yaml'"],
    [{ namespace: '订单; rm -rf .' }, " --namespace '订单; rm -rf .'"],
    [{ redis: 'redis://host:6379/2' }, ' --redis redis://host:6379/2'],
    [{ redis: 'redis://:secret@host:6379', namespace: 'n' }, ' --namespace n'],
  ])('of %j is %j', (flags, text) => {
    expect(placeArguments(flags)).toBe(text);
  });
});
