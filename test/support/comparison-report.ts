import { NO_COUNTS, type TimelineEntry, type Timing } from '../../src/domain/aggregates.ts';
import type { Mismatch } from '../../src/domain/parity.ts';
import type {
  BackendSide,
  ComparisonReport,
  Interval,
  ParityPart,
  Quantiles,
  ReportGates,
  RoutedPart,
  TaskComparison,
  VerdictLine,
} from '../../src/domain/report.ts';
import { seededRandom } from './seeded-random.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const AT = Date.UTC(2026, 10, 21, 15, 4, 12);
const FROM = Date.UTC(2026, 10, 21, 14, 4);

export const GATES: ReportGates = {
  errorRateDifference: 0.01,
  mismatchRate: 0.01,
  latencyRatio: 1.25,
  latencyFloorMs: 10,
  minimumPairs: 100,
  minimumTasks: 100,
};

export function interval(estimate: number, low: number, high: number): Interval {
  return { estimate, low, high };
}

function quantiles(p50: number, p95: number, p99: number): Quantiles {
  return { p50, p95, p99 };
}

const NOT_TIMED: Readonly<Record<Timing, null>> = { wait: null, run: null, total: null };

export const NO_SIDE: BackendSide = {
  assigned: NO_COUNTS,
  apart: NO_COUNTS,
  shadow: NO_COUNTS,
  unfinished: { assigned: 0, shadow: 0 },
  finished: 0,
  failed: 0,
  errorRate: null,
  timings: NOT_TIMED,
};

const NO_ROUTE: RoutedPart = { total: 0, canaryShare: null, targetShare: null, sampleRatio: null };

const NO_PAIRS: ParityPart = {
  pairs: 0,
  matched: 0,
  mismatched: 0,
  unjudged: 0,
  kinds: {},
  rate: null,
  noise: { pairs: 0, mismatched: 0, rate: null },
  beyondNoise: null,
  worst: null,
  dropped: 0,
  paths: [],
};

/** A task that nothing was counted of. */
export const BLANK_TASK: TaskComparison = {
  task: 'blank',
  verdict: null,
  lines: [],
  routed: NO_ROUTE,
  backends: { stable: NO_SIDE, canary: NO_SIDE },
  medianRatio: NOT_TIMED,
  parity: NO_PAIRS,
};

/** A window that nobody wrote into. */
export function emptyReport(): ComparisonReport {
  const { task: _task, verdict: _verdict, lines: _lines, ...total } = BLANK_TASK;
  return {
    namespace: 'documents',
    at: AT,
    window: { from: FROM, to: AT },
    newestAt: null,
    verdict: 'inconclusive',
    headline: 'inconclusive: nothing has run in this window',
    gates: GATES,
    total,
    tasks: [],
    mismatches: [],
    timeline: [],
    notes: [],
    frozenSince: null,
  };
}

function timelineOf(task: string, perMinute: number, canaryShare: number, failures: [number, number]) {
  const random = seededRandom(perMinute);
  const entries: TimelineEntry[] = [];
  for (let minute = 0; minute < 60; minute += 1) {
    const at = FROM + minute * MINUTE_MS;
    const load = perMinute * (0.7 + 0.25 * Math.sin(minute / 9) + 0.2 * random());
    for (const [backend, share, failing] of [
      ['stable', 1 - canaryShare, failures[0]],
      ['canary', canaryShare, minute > 25 ? failures[1] : 0],
    ] as const) {
      const finished = Math.round(load * share);
      const failed = Math.min(finished, Math.round(finished * failing * 2 * random()));
      const counts = { succeeded: finished - failed, failed };
      entries.push({ at, spanMs: MINUTE_MS, task, backend, arm: 'assigned', ...counts });
    }
  }
  return entries;
}

function side(submitted: number, failed: number, copies: number, rate: Interval, times: Quantiles[]) {
  const [wait = null, run = null, total = null] = times;
  const counts = { ...NO_COUNTS, submitted, succeeded: submitted - failed, failed, retried: failed * 2 };
  return {
    ...NO_SIDE,
    assigned: { ...counts, randomised: submitted, overdue: Math.round(failed / 2) },
    shadow: { ...NO_COUNTS, submitted: copies, succeeded: copies },
    finished: submitted + copies,
    failed,
    errorRate: rate,
    timings: { wait, run, total },
  } satisfies BackendSide;
}

const GOOD_LINES: readonly VerdictLine[] = [
  {
    rule: 'errors',
    verdict: 'successful',
    title: 'Error rate',
    threshold: 'at most 1 % more',
    evidence:
      '2 of 1,560 failed (0.13 %) on canary, 10 of 9,644 failed (0.1 %) on stable: between −0.1 and 0.36 % more',
    interval: { ...interval(0.0002, -0.001, 0.0036), limit: 0.01, unit: 'share' },
  },
  {
    rule: 'mismatches',
    verdict: 'successful',
    title: 'Same results',
    threshold: 'at most 1 % of the pairs differ beyond noise',
    evidence:
      '0 of 1,204 pairs differ (0 %, between 0 and 0.31 %); noise: 0 of 132 control pairs (0 %); beyond noise: between −2.83 and 0.32 %',
    interval: { ...interval(0, -0.0283, 0.0032), limit: 0.01, unit: 'share' },
  },
  {
    rule: 'latency',
    verdict: 'successful',
    title: 'Run time',
    threshold: "at most 1.25 times stable's median, or 10 ms longer",
    evidence: 'median 12.9 ms on canary, 12.4 ms on stable: 1.04 times, between 1.01 and 1.07',
    interval: { ...interval(1.04, 1.01, 1.07), limit: 1.25, unit: 'ratio' },
  },
  {
    rule: 'sample-ratio',
    verdict: 'successful',
    title: 'Ratio kept',
    threshold: 'p at least 0.001',
    evidence: '488 of 10,000 went to canary (4.9 %), 500 were to be expected (5 %): p = 0.58',
    interval: { ...interval(0.0488, 0.0447, 0.0532), limit: 0.05, unit: 'share' },
  },
];

function goodTask(): TaskComparison {
  return {
    task: 'generate-metadata',
    verdict: 'successful',
    lines: GOOD_LINES,
    routed: {
      total: 10_000,
      canaryShare: interval(0.0488, 0.0447, 0.0532),
      targetShare: 0.05,
      sampleRatio: { tested: 10_000, drawn: 488, chiSquared: 0.303, pValue: 0.582 },
    },
    backends: {
      stable: side(9_512, 10, 132, interval(0.00104, 0.00056, 0.00191), [
        quantiles(1.9, 8.4, 21),
        quantiles(12.4, 31.2, 55),
        quantiles(14.6, 38.1, 71),
      ]),
      canary: side(488, 2, 1_072, interval(0.00128, 0.00035, 0.00466), [
        quantiles(2.6, 9.9, 24),
        quantiles(12.9, 33, 61),
        quantiles(15.8, 41.2, 80),
      ]),
    },
    medianRatio: {
      wait: interval(1.37, 1.29, 1.44),
      run: interval(1.04, 1.01, 1.07),
      total: interval(1.08, 1.05, 1.11),
    },
    parity: {
      ...NO_PAIRS,
      pairs: 1_204,
      matched: 1_204,
      rate: interval(0, 0, 0.00306),
      noise: { pairs: 132, mismatched: 0, rate: interval(0, 0, 0.0276) },
      beyondNoise: interval(0, -0.0283, 0.0032),
      dropped: 3,
    },
  };
}

/** All is well, one task. */
export function successfulReport(): ComparisonReport {
  const task = goodTask();
  const { task: name, verdict: _verdict, lines: _lines, ...total } = task;
  return {
    ...emptyReport(),
    newestAt: AT - 2_000,
    verdict: 'successful',
    headline:
      "successful: generate-metadata: canary fails 0.13 % of its tasks, stable 0.1 %; 0 of 1,204 pairs differ; median run time 1.04 times stable's",
    total,
    tasks: [task],
    timeline: timelineOf(name, 190, 0.05, [0.002, 0.002]),
  };
}

export const LONG_NAME = `import.${'a-very-long-part-of-a-name.'.repeat(3)}that-goes-on`.slice(0, 100);

const ID = (n: number) => `task-01932f4e-7a11-7c3d-9a4b-${n.toString(16).padStart(12, '0')}`;

function mismatchesOf(task: string): readonly Mismatch[] {
  const base = {
    task,
    pair: 'shadow',
    replay: null,
    note: null,
    differences: [],
    stable: null,
    canary: null,
  } as const;
  return [
    {
      ...base,
      at: AT - 11_000,
      kind: 'value',
      primary: ID(1),
      copy: ID(2),
      differences: [
        { path: '/metadata/keywords/0', change: 'changed', stable: '"数据库迁移"', canary: '"数据库"' },
        {
          path: '/metadata/summary',
          change: 'changed',
          stable: '"<b>Totals</b> & \\"quotes\\" | pipes"',
          canary: '"<script>alert(document.domain)</script>"',
        },
        { path: '/metadata/language', change: 'removed', stable: '"zh"', canary: null },
        { path: '/owner', change: 'changed', stable: '[redacted]', canary: '[redacted]' },
      ],
      stable:
        '{"metadata":{"keywords":["数据库迁移","队列"],"summary":"<b>Totals</b> & \\"quotes\\" | pipes","language":"zh"},"owner":"[redacted]","size":12345678901234567890}',
      canary:
        '{"metadata":{"keywords":["数据库","队列"],"summary":"<script>alert(document.domain)</script>"},"owner":"[redacted]","size":12345678901234567890}',
    },
    {
      ...base,
      at: AT - 3 * MINUTE_MS,
      kind: 'outcome',
      primary: ID(3),
      copy: ID(4),
      note: 'stable succeeded, canary failed: TypeError: cannot read `keywords` of null ]]> @everyone',
      stable: '{"metadata":{}}',
    },
    {
      ...base,
      at: AT - 40 * MINUTE_MS,
      kind: 'value',
      pair: 'control',
      primary: ID(5),
      copy: ID(6),
      differences: [
        { path: '', change: 'changed', stable: '"a\\u0007b\u0007\u202e"', canary: '"``` | ~~~"' },
      ],
      stable: '"a\\u0007b\u0007\u202e"',
      canary: '"``` | ~~~"',
    },
  ];
}

/** Wrong answers and more errors on canary; names and values that are hard to show. */
export function failedReport(): ComparisonReport {
  const good = goodTask();
  const bad: TaskComparison = {
    ...good,
    task: LONG_NAME,
    verdict: 'failed',
    lines: [
      {
        rule: 'errors',
        verdict: 'failed',
        title: 'Error rate',
        threshold: 'at most 1 % more',
        evidence:
          '55 of 902 failed (6.1 %) on canary, 5 of 1,640 failed (0.3 %) on stable: between 4.3 and 7.9 % more',
        interval: { ...interval(0.058, 0.043, 0.079), limit: 0.01, unit: 'share' },
      },
      {
        rule: 'mismatches',
        verdict: 'failed',
        title: 'Same results',
        threshold: 'at most 1 % of the pairs differ beyond noise',
        evidence:
          '212 of 840 pairs differ (25.2 %, between 22.3 and 28.3 %); different values: 160, one succeeded, the other failed: 51, no outcome on canary: 1; noise: 1 of 120 control pairs (0.83 %); beyond noise: between 21.1 and 27.7 %',
        interval: { ...interval(0.244, 0.211, 0.277), limit: 0.01, unit: 'share' },
      },
      {
        rule: 'latency',
        verdict: 'inconclusive',
        title: 'Run time',
        threshold: "at most 1.25 times stable's median, or 10 ms longer",
        evidence:
          'median 976 ms on canary, 820 ms on stable: 1.19 times, between 1.08 and 1.31; more runs are needed to tell',
        interval: { ...interval(1.19, 1.08, 1.31), limit: 1.25, unit: 'ratio' },
      },
      {
        rule: 'sample-ratio',
        verdict: 'successful',
        title: 'Ratio not tested',
        threshold: 'p at least 0.001',
        evidence: 'No submission was left to chance, so there is nothing to test',
        interval: null,
      },
    ],
    backends: {
      stable: side(1_640, 5, 0, interval(0.00305, 0.0013, 0.0071), [
        quantiles(3.1, 2_400, 64_000),
        quantiles(820, 2_900, 4_100),
        quantiles(830, 5_400, 66_000),
      ]),
      canary: side(62, 55, 840, interval(0.061, 0.0472, 0.0785), [
        quantiles(0.42, 180, 1_900),
        quantiles(976, 3_300, 9_800),
        quantiles(980, 3_400, 11_000),
      ]),
    },
    medianRatio: { wait: null, run: interval(1.19, 1.08, 1.31), total: interval(1.18, 1.06, 1.3) },
    parity: {
      pairs: 840,
      matched: 628,
      mismatched: 212,
      unjudged: 2,
      kinds: { value: 160, outcome: 51, 'canary-missing': 1, comparator: 2 },
      rate: interval(0.2524, 0.2233, 0.2832),
      noise: { pairs: 120, mismatched: 1, rate: interval(0.0083, 0.0002, 0.0456) },
      beyondNoise: interval(0.244, 0.211, 0.277),
      worst: {
        what: '/metadata/keywords/*',
        pairs: 148,
        controlPairs: 0,
        beyondNoise: interval(0.176, 0.149, 0.203),
      },
      dropped: 4,
      paths: [
        {
          path: '/metadata/keywords/*',
          pairs: 148,
          example: { stable: '"数据库迁移"', canary: '"数据库"' },
        },
        {
          path: '/metadata/summary',
          pairs: 33,
          example: {
            stable: '"<b>Totals</b> & \\"quotes\\" | pipes"',
            canary: '"<script>alert(1)</script>"',
          },
        },
        { path: '/metadata/language', pairs: 9, example: { stable: '"zh"', canary: null } },
        { path: '', pairs: 2, example: null },
      ],
    },
  };
  const young: TaskComparison = {
    ...BLANK_TASK,
    task: '生成摘要',
    verdict: 'inconclusive',
    lines: [
      {
        rule: 'errors',
        verdict: 'inconclusive',
        title: 'Error rate',
        threshold: 'at most 1 % more',
        evidence:
          '0 of 12 failed (0 %) on canary, 1 of 250 failed (0.4 %) on stable: between −1.02 and 23.9 % more; only 12 tasks have finished on canary, at least 100 are needed',
        interval: { ...interval(-0.004, -0.0102, 0.239), limit: 0.01, unit: 'share' },
      },
      {
        rule: 'mismatches',
        verdict: 'inconclusive',
        title: 'Same results',
        threshold: 'at most 1 % of the pairs differ beyond noise',
        evidence:
          'No results have been compared: set parity.shadowSafe: true in the task if running it twice is harmless, and parity.sampleRate in the config',
        doubt: 'nothing-compared',
        interval: null,
      },
    ],
    routed: { ...NO_ROUTE, total: 262, canaryShare: interval(0.0458, 0.0239, 0.0787), targetShare: 0.05 },
    backends: {
      stable: side(250, 1, 0, interval(0.004, 0.0007, 0.0223), [quantiles(2, 9, 20)]),
      canary: {
        ...side(12, 0, 0, interval(0, 0, 0.2425), []),
        apart: { ...NO_COUNTS, submitted: 7 },
        unfinished: { assigned: 2, shadow: 1 },
      },
    },
  };
  const unjudged: TaskComparison = {
    ...BLANK_TASK,
    task: 'send-mail',
    backends: { stable: side(88, 0, 0, interval(0, 0, 0.0418), [quantiles(1, 2, 3)]), canary: NO_SIDE },
  };
  return {
    ...successfulReport(),
    namespace: 'documents<script>"&',
    newestAt: AT - 95_000,
    verdict: 'failed',
    headline: `failed: ${LONG_NAME}: canary fails 6.1 % of its tasks, stable 0.3 % (at most 1 % more allowed); also: same results`,
    total: {
      routed: {
        total: 12_041,
        canaryShare: interval(0.0473, 0.0435, 0.0512),
        targetShare: 0.05,
        sampleRatio: { tested: 11_962, drawn: 555, chiSquared: 1.87, pValue: 0.171 },
      },
      backends: {
        stable: side(11_490, 16, 132, interval(0.00138, 0.00085, 0.00223), [
          quantiles(1.9, 9.1, 1_200),
          quantiles(12.8, 840, 2_950),
          quantiles(15.1, 870, 5_400),
        ]),
        canary: side(562, 57, 1_912, interval(0.023, 0.0178, 0.0297), [
          quantiles(2.4, 12, 190),
          quantiles(14.2, 1_010, 3_400),
          quantiles(17.1, 1_020, 3_600),
        ]),
      },
      medianRatio: { wait: interval(1.26, 1.19, 1.33), run: interval(1.11, 1.07, 1.15), total: null },
      parity: {
        ...bad.parity,
        pairs: 2_044,
        matched: 1_832,
        rate: interval(0.1037, 0.0908, 0.1178),
        noise: { pairs: 252, mismatched: 1, rate: interval(0.004, 0.0001, 0.0219) },
        beyondNoise: interval(0.0997, 0.0806, 0.114),
        dropped: 7,
      },
    },
    tasks: [bad, young, good, unjudged],
    mismatches: mismatchesOf(LONG_NAME),
    timeline: [
      ...timelineOf(LONG_NAME, 41, 0.3, [0.003, 0.12]),
      ...timelineOf(good.task, 190, 0.05, [0.002, 0.002]),
    ],
    frozenSince: null,
    notes: [
      '7 tasks were forced to a backend or brought back from canary; these are counted apart and in no comparison, because chance did not choose them.',
      'The total mixes tasks that may have had different ratios; only single tasks are judged.',
    ],
  };
}

/** The reports that golden files and the browser test go through. */
export const EXAMPLES: Readonly<Record<string, () => ComparisonReport>> = {
  successful: successfulReport,
  failed: failedReport,
  empty: emptyReport,
};

export { AT, HOUR_MS };
