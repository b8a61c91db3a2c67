import { describe, expect, it } from '@jest/globals';
import type { TaskComparison, VerdictLine } from '../../src/domain/report.ts';
import { GATES, type Paired, pairCell, type Ran, reportOf, runCell } from '../support/counted-window.ts';

const TASK = 'make-thumbnail';

interface Scene {
  readonly stable?: Ran;
  readonly canary?: Ran;
  readonly shadow?: Paired;
  readonly control?: Paired;
}

/** Both alike, with as much of everything as a successful verdict takes. */
const ALIKE = {
  stable: { finished: 4_000, failed: 20 },
  canary: { finished: 2_000, failed: 10 },
  shadow: { matched: 1_000 },
} as const satisfies Scene;

function judged(scene: Scene, gates: Partial<typeof GATES> = {}): TaskComparison {
  const { stable, canary, shadow, control } = { ...ALIKE, control: undefined, ...scene };
  const runs = [runCell(TASK, 'stable', stable), runCell(TASK, 'canary', canary)];
  const pairs = [
    ...(shadow ? [pairCell(TASK, 'shadow', shadow)] : []),
    ...(control ? [pairCell(TASK, 'control', control)] : []),
  ];
  const [task] = reportOf(runs, pairs, { gates: { ...GATES, ...gates } }).tasks;
  if (!task) throw new Error('no task in the report');
  return task;
}

function lineOf(task: TaskComparison, rule: VerdictLine['rule']): VerdictLine {
  const line = task.lines.find((one) => one.rule === rule);
  if (!line) throw new Error(`no line for ${rule}`);
  return line;
}

const none = { matched: 0 };

type Row = readonly [
  what: string,
  scene: Scene,
  rule: VerdictLine['rule'],
  verdict: string,
  evidence: RegExp,
];

const TABLE: readonly Row[] = [
  ['alike', {}, 'errors', 'successful', /10 of 2,000 failed \(0\.5 %\) on canary, 20 of 4,000/],
  ['alike', {}, 'mismatches', 'successful', /^0 of 1,000 pairs differ/],
  ['alike', {}, 'latency', 'successful', /1 times, between 0\.9\d+ and 1\.0/],
  ['alike', {}, 'sample-ratio', 'successful', /there is nothing to test/],

  ['many failures', { canary: { finished: 500, failed: 110 } }, 'errors', 'failed', /\(22 %\) on canary/],
  ['a few more', { canary: { finished: 300, failed: 4 } }, 'errors', 'inconclusive', /more tasks are needed/],
  ['fewer failures', { stable: { finished: 4_000, failed: 400 } }, 'errors', 'successful', /−/],
  [
    'none failed, too few',
    { canary: { finished: 60 } },
    'errors',
    'inconclusive',
    /only 60 .* on canary, .* 100/,
  ],
  ['one of three', { canary: { finished: 3, failed: 1 } }, 'errors', 'inconclusive', /only 3/],
  ['half of twenty', { canary: { finished: 20, failed: 10 } }, 'errors', 'failed', /10 of 20 failed/],
  ['enough, yet not to tell', { canary: { finished: 150 } }, 'errors', 'inconclusive', /at least 381 tasks/],
  ['little on stable', { stable: { finished: 30 } }, 'errors', 'inconclusive', /only 30 .* on stable/],
  [
    'nothing on stable',
    { stable: { finished: 0 } },
    'errors',
    'inconclusive',
    /Nothing that ratio or flag sent has finished on stable/,
  ],

  [
    'a quarter',
    { shadow: { matched: 89, mismatched: { value: 31 } } },
    'mismatches',
    'failed',
    /^31 of 120 pairs/,
  ],
  [
    'one of 120',
    { shadow: { matched: 119, mismatched: { value: 1 } } },
    'mismatches',
    'inconclusive',
    /more pairs/,
  ],
  [
    'none of 50',
    { shadow: { matched: 50 } },
    'mismatches',
    'inconclusive',
    /only 50 pairs .* 100 are needed/,
  ],
  ['none of 200', { shadow: { matched: 200 } }, 'mismatches', 'inconclusive', /at least 381 pairs without/],
  ['20 of 50', { shadow: { matched: 30, mismatched: { value: 20 } } }, 'mismatches', 'failed', /20 of 50/],
  [
    '1 of 1',
    { shadow: { matched: 0, mismatched: { value: 1 } } },
    'mismatches',
    'inconclusive',
    /only 1 pair has/,
  ],
  ['no pairs', { shadow: none }, 'mismatches', 'inconclusive', /parity\.shadowSafe.*parity\.sampleRate/],
  [
    'all dropped',
    { shadow: { matched: 0, dropped: 4 } },
    'mismatches',
    'inconclusive',
    /All 4 pairs were dropped/,
  ],
  [
    'canary gives no outcome',
    { shadow: { matched: 900, mismatched: { 'canary-missing': 100 } } },
    'mismatches',
    'failed',
    /no outcome on canary: 100/,
  ],
  [
    'stable gives no outcome, often',
    { shadow: { matched: 970, mismatched: { 'stable-missing': 30 } } },
    'mismatches',
    'inconclusive',
    /30 of 1,000 pairs could not be judged .*no outcome on stable/,
  ],
  [
    'stable gives no outcome, seldom',
    { shadow: { matched: 995, mismatched: { 'stable-missing': 5 } } },
    'mismatches',
    'successful',
    /^0 of 995 pairs differ.*not judged: 5/,
  ],
  [
    'no comparison works',
    { shadow: { matched: 0, mismatched: { comparator: 800 } } },
    'mismatches',
    'inconclusive',
    /None of 800 pairs could be judged \(own comparison failed: 800\)/,
  ],
  [
    'many unjudged, and many mismatches among the others',
    { shadow: { matched: 500, mismatched: { comparator: 100, value: 400 } } },
    'mismatches',
    'failed',
    /^400 of 900 pairs/,
  ],

  [
    'a random task, well known as such',
    {
      shadow: { matched: 0, mismatched: { value: 500 } },
      control: { matched: 0, mismatched: { value: 500 } },
    },
    'mismatches',
    'inconclusive',
    /noise: 500 of 500 control pairs \(100 %\).*the results say little/,
  ],
  [
    'a random task, little known',
    {
      shadow: { matched: 0, mismatched: { value: 500 } },
      control: { matched: 0, mismatched: { value: 20 } },
    },
    'mismatches',
    'inconclusive',
    /500 of 500 pairs/,
  ],
  [
    'a random task without control pairs',
    { shadow: { matched: 0, mismatched: { value: 500 } } },
    'mismatches',
    'failed',
    /noise is unknown: no control pair has been compared yet \(parity\.controlShare\)/,
  ],
  [
    'more than its noise',
    {
      shadow: { matched: 700, mismatched: { value: 300 } },
      control: { matched: 900, mismatched: { value: 100 } },
    },
    'mismatches',
    'failed',
    /beyond noise: between 16\.\d and 23\.\d %/,
  ],
  [
    'one control pair excuses nothing',
    {
      shadow: { matched: 950, mismatched: { value: 50 } },
      control: { matched: 0, mismatched: { value: 1 } },
    },
    'mismatches',
    'inconclusive',
    /1 control pair is too few to say how much of that is noise$/,
  ],
  [
    'differs, with three clean control pairs',
    { shadow: { matched: 52, mismatched: { value: 24 } }, control: { matched: 3 } },
    'mismatches',
    'inconclusive',
    /^24 of 76 pairs differ \(31\.6 %.*3 control pairs are too few to say how much of that is noise$/,
  ],
  [
    'differs hardly, with three clean control pairs',
    { shadow: { matched: 75, mismatched: { value: 1 } }, control: { matched: 3 } },
    'mismatches',
    'inconclusive',
    /only 76 pairs have been compared, at least 100 are needed$/,
  ],
  [
    'as noisy as its well known noise',
    {
      shadow: { matched: 900, mismatched: { value: 100 } },
      control: { matched: 90, mismatched: { value: 10 } },
    },
    'mismatches',
    'inconclusive',
    /more pairs are needed to tell$/,
  ],

  [
    'twice as long',
    { canary: { finished: 2_000, runMs: 100 } },
    'latency',
    'failed',
    /median (99\.\d|10\d) ms/,
  ],
  ['a tenth longer', { canary: { finished: 2_000, runMs: 55 } }, 'latency', 'successful', /1\.1 times/],
  ['quicker', { canary: { finished: 2_000, runMs: 20 } }, 'latency', 'successful', /0\.4 times/],
  ['too few', { canary: { finished: 40 } }, 'latency', 'inconclusive', /only 40/],
  [
    'too few, however slow',
    { canary: { finished: 40, runMs: 900 } },
    'latency',
    'inconclusive',
    /(17\.\d|18) times/,
  ],
  [
    'hardly any',
    { canary: { finished: 5 } },
    'latency',
    'inconclusive',
    /Only 5 tasks have finished on canary/,
  ],
];

describe('the rules', () => {
  it.each(TABLE)('%s: %j: %s is %s', (_, scene, rule, verdict, evidence) => {
    const line = lineOf(judged(scene), rule);
    expect([line.verdict, line.evidence]).toEqual([verdict, expect.stringMatching(evidence)]);
  });

  it('twice as long is not slower where that is less than the floor', () => {
    const short = { stable: { finished: 500, runMs: 4 }, canary: { finished: 500, runMs: 8 } };
    expect(lineOf(judged(short), 'latency').verdict).toBe('successful');
    expect(lineOf(judged(short), 'latency').interval?.limit).toBeCloseTo(3.5, 1);
    expect(lineOf(judged(short), 'latency').threshold).toMatch(
      /median, or 10 ms longer \(here 3\.\d+ times\)$/,
    );
    const muchSlower = { ...short, canary: { finished: 500, runMs: 40 } };
    expect(
      reportOf([runCell(TASK, 'stable', muchSlower.stable), runCell(TASK, 'canary', muchSlower.canary)])
        .headline,
    ).toMatch(/at most 10 ms longer allowed\)/);
    expect(lineOf(judged(short, { latencyFloorMs: 1 }), 'latency').verdict).toBe('failed');
    const unsure = { stable: { finished: 500, runMs: 40 }, canary: { finished: 500, runMs: 50 } };
    expect(lineOf(judged(unsure), 'latency').verdict).toBe('inconclusive');
  });

  it('a ratio that was not kept puts everything in doubt, but fails nothing', () => {
    const randomised = (submitted: number) => ({
      counts: {
        submitted,
        randomised: submitted,
        expectedCanary: submitted / 4,
        variance: submitted * 0.1875,
      },
    });
    const scene = (onCanary: number): Scene => ({
      stable: { finished: 4_000, ...randomised(4_000 - onCanary) },
      canary: { finished: 1_000, ...randomised(onCanary) },
    });
    const kept = lineOf(judged(scene(1_000)), 'sample-ratio');
    expect([kept.verdict, kept.interval?.limit]).toEqual(['successful', 0.25]);
    expect(kept.evidence).toMatch(
      /^1,000 of 4,000 went to canary \(25 %\), 1,000 were to be expected \(25 %\): p = 1$/,
    );
    const task = judged(scene(1_200));
    expect(task.verdict).toBe('inconclusive');
    expect(lineOf(task, 'sample-ratio').evidence).toMatch(/p < 0\.0001; chance did not decide alone/);
    const failing = { ...scene(1_200), canary: { ...scene(1_200).canary, finished: 1_000, failed: 500 } };
    expect(judged(failing).verdict).toBe('failed');
  });

  it('says that none was drawn by itself where no submission had a bucket of its own', () => {
    expect(lineOf(judged({}), 'sample-ratio').evidence).toBe(
      'No submission was drawn by itself, so there is nothing to test',
    );
  });

  it('a gate of 0 can be failed, but never passed', () => {
    const strict = { errorRateDifference: 0, mismatchRate: 0 };
    const task = judged({ stable: { finished: 9_000 }, canary: { finished: 9_000 } }, strict);
    expect(lineOf(task, 'errors')).toMatchObject({
      verdict: 'inconclusive',
      evidence: expect.stringMatching(/no number of tasks can show/),
    });
    expect(lineOf(task, 'mismatches').verdict).toBe('inconclusive');
    expect(
      lineOf(judged({ shadow: { matched: 90, mismatched: { value: 9 } } }, strict), 'mismatches').verdict,
    ).toBe('failed');
  });

  it('a median of zero is held against the floor alone', () => {
    const zero = { stable: { finished: 500, runMs: 0 }, canary: { finished: 500, runMs: 5 } };
    expect(lineOf(judged(zero), 'latency')).toMatchObject({ verdict: 'successful', interval: null });
    const slow = { ...zero, canary: { finished: 500, runMs: 50 } };
    expect(lineOf(judged(slow), 'latency')).toMatchObject({ verdict: 'failed', interval: null });
    expect(judged(slow).medianRatio.run).toBeNull();
  });

  it('says of every line what it was held against', () => {
    expect(judged({}).lines.map(({ rule, title, threshold }) => [rule, title, threshold])).toEqual([
      ['errors', 'Error rate', 'at most 1 % more'],
      ['mismatches', 'Same results', 'at most 1 % of the pairs differ'],
      ['latency', 'Run time', "at most 1.25 times stable's median, or 10 ms longer"],
      ['sample-ratio', 'Ratio not tested', 'p at least 0.001'],
    ]);
  });
});

describe('the verdict on a task', () => {
  it('is failed if a rule failed, else inconclusive if one is, else successful', () => {
    const wrong = { matched: 500, mismatched: { value: 500 } };
    expect(judged({}).verdict).toBe('successful');
    expect(judged({ shadow: none }).verdict).toBe('inconclusive');
    expect(judged({ shadow: wrong }).verdict).toBe('failed');
    expect(judged({ shadow: wrong, canary: { finished: 50 } }).verdict).toBe('failed');
  });

  it('never is successful with too little of one thing', () => {
    for (const finished of [0, 1, 99]) {
      expect(judged({ canary: { finished } }).verdict).toBe('inconclusive');
      expect(judged({ stable: { finished } }).verdict).toBe('inconclusive');
    }
    for (const matched of [0, 1, 99]) expect(judged({ shadow: { matched } }).verdict).toBe('inconclusive');
  });
});
