import { describe, expect, it } from '@jest/globals';
import type { TimelineEntry } from '../../../src/domain/aggregates.ts';
import { shownTimeline } from '../../../src/parity/shown-timeline.ts';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 3, 1, 12);

const entry = (minute: number, minutes = 1, rest: Partial<TimelineEntry> = {}): TimelineEntry => ({
  at: NOON + minute * MINUTE,
  spanMs: minutes * MINUTE,
  task: 't',
  backend: 'stable',
  arm: 'assigned',
  succeeded: 2,
  failed: 1,
  ...rest,
});
const window = (minutes: number) => ({ from: NOON, to: NOON + minutes * MINUTE });

describe('the timeline that is shown', () => {
  it('is as it was counted in a short window', () => {
    const counted = [entry(0), entry(1), entry(2, 5), entry(7)];
    expect(shownTimeline(counted, window(60))).toEqual(counted);
  });

  it('is added up in a longer one, by task, backend and way', () => {
    const counted = [
      ...Array.from({ length: 6 }, (_, i) => entry(3 + i)),
      entry(30, 5),
      entry(4, 1, { backend: 'canary' }),
      entry(4, 1, { arm: 'shadow' }),
      entry(4, 1, { task: 'u' }),
    ];
    expect(shownTimeline(counted, window(8 * 60))).toEqual([
      entry(3, 2, { succeeded: 4, failed: 2 }),
      entry(5, 4, { succeeded: 8, failed: 4 }),
      entry(30, 5),
      entry(4, 1, { backend: 'canary' }),
      entry(4, 1, { arm: 'shadow' }),
      entry(4, 1, { task: 'u' }),
    ]);
  });

  it('holds no more than hours, however long the window', () => {
    const counted = Array.from({ length: 24 * 12 }, (_, i) => entry(5 * i, 5));
    const shown = shownTimeline(counted, window(30 * 24 * 60));
    expect(shown).toEqual(
      Array.from({ length: 24 }, (_, i) => entry(60 * i, 60, { succeeded: 24, failed: 12 })),
    );
    expect(shownTimeline(counted, window(24 * 60))).toHaveLength(96);
  });
});
