import { describe, expect, it } from '@jest/globals';
import { CanaryHealth } from '../../../src/manager/canary-health.ts';

describe('CanaryHealth', () => {
  it('is usable until it fails, and again after a second', () => {
    const health = new CanaryHealth();
    expect(health.isUsable(0)).toBe(true);
    health.failed(10_000);
    expect([health.isUsable(10_999), health.isUsable(11_000)]).toEqual([false, true]);
  });

  it('the pause doubles with every failure in a row, up to half a minute', () => {
    const health = new CanaryHealth();
    const pauses: number[] = [];
    let now = 0;
    for (let i = 0; i < 7; i++) {
      health.failed(now);
      const from = now;
      while (!health.isUsable(now)) now += 1000;
      pauses.push(now - from);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('counts failures that were under way together once', () => {
    const health = new CanaryHealth();
    for (let i = 0; i < 500; i++) health.failed(100);
    expect(health.isUsable(1100)).toBe(true);
  });

  it('starts again from a second after a success', () => {
    const health = new CanaryHealth();
    health.failed(0);
    health.failed(1000);
    health.worked();
    health.failed(3000);
    expect([health.isUsable(3999), health.isUsable(4000)]).toEqual([false, true]);
  });
});
