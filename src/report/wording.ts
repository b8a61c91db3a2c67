import type { Timing } from '../domain/aggregates.ts';
import type { Difference, MismatchKind, PairKind } from '../domain/parity.ts';
import type { BackendSide, ComparisonReport, Doubt, ReportGates, Verdict } from '../domain/report.ts';
import { count, duration, KIND_WORDS, plural, shellWord, timestamp } from '../domain/wording.ts';

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  successful: 'Successful',
  failed: 'Failed',
  inconclusive: 'Inconclusive',
};

export const TIMING_WORDS: Readonly<Record<Timing, string>> = {
  wait: 'queue wait',
  run: 'run time',
  total: 'end to end',
};

export const PAIR_WORDS: Readonly<Record<PairKind, string>> = {
  shadow: 'shadow pair',
  control: 'control pair, both on one backend',
  replay: 'replayed pair',
};

export const UNJUDGED = 'canary has run nothing of it that can be compared';
export const NOT_THERE = 'not there';
export const NOTHING_COUNTED = 'nothing was counted in this window';

/** The headline without the verdict's word, where that stands beside it already. */
export function causeOf({ headline, verdict }: ComparisonReport): string {
  const start = `${verdict}: `;
  return headline.startsWith(start) ? headline.slice(start.length) : headline;
}

/** What the two values of a difference are called. */
export function sidesOf(pair: PairKind): readonly [string, string] {
  return pair === 'control' ? ['primary', 'copy'] : ['stable', 'canary'];
}

/** `value at /a/b`: a pointer as words, because the whole result has the empty one. */
export function placeOf({ path }: Pick<Difference, 'path'>): string {
  return path === '' ? 'the whole result' : path;
}

/** `different values: 12, no outcome on canary: 3`; '' without any. */
export function kindsText(kinds: Readonly<Partial<Record<MismatchKind, number>>>): string {
  return (Object.keys(KIND_WORDS) as MismatchKind[])
    .filter((kind) => (kinds[kind] ?? 0) > 0)
    .map((kind) => `${KIND_WORDS[kind]}: ${count(kinds[kind] ?? 0)}`)
    .join(', ');
}

export function tooLittle(have: number, needed: number): string {
  return `too little data: ${count(have)} of ${count(needed)}`;
}

/** Which backend has finished too few tasks to say anything; '' if both have enough. */
export function shortage(sides: readonly (readonly [string, BackendSide])[], gates: ReportGates): string {
  return sides
    .filter(([, side]) => side.finished < gates.minimumTasks)
    .map(([name, side]) => `${name}: ${tooLittle(side.finished, gates.minimumTasks)}`)
    .join('; ');
}

export function windowText({ window: { from, to } }: ComparisonReport): string {
  return `${timestamp(from)} to ${timestamp(to)} (${duration(to - from)})`;
}

export function freshness({ newestAt, at }: ComparisonReport): string {
  if (newestAt === null) return NOTHING_COUNTED;
  return `newest figures ${duration(Math.max(0, at - newestAt))} old`;
}

export interface NextStep {
  /** Why one would type it. */
  readonly text: string;
  readonly command: string;
}

/** What a person would type after reading, the likeliest first. */
export function nextSteps(report: ComparisonReport): readonly NextStep[] {
  const options = report.commandOptions ?? '';
  return stepsFor(report).map(({ text, command }) => ({ text, command: `${command}${options}` }));
}

function stepsFor(report: ComparisonReport): readonly NextStep[] {
  const failed = report.tasks.filter(({ verdict }) => verdict === 'failed');
  if (report.newestAt === null) {
    return [
      { text: 'a longer window', command: 'hybrid report --since 24h' },
      { text: 'is anything running', command: 'hybrid status' },
    ];
  }
  if (report.verdict === 'failed') {
    const differs = failed.find(({ parity }) => parity.mismatched > 0);
    const look =
      differs === undefined
        ? []
        : [{ text: 'what differs', command: `hybrid parity mismatches --task ${shellWord(differs.task)}` }];
    return [
      ...look,
      ...(report.frozenSince === null
        ? [{ text: 'stop new work on canary', command: 'hybrid ratio 0 --reason "the report failed"' }]
        : []),
      { text: 'bring unfinished work back', command: 'hybrid rollback' },
    ];
  }
  if (report.verdict === 'inconclusive') {
    return stepsOutOfDoubt(report);
  }
  const onward =
    report.frozenSince === null
      ? { text: 'raise the ratio', command: 'hybrid ratio NEW --reason "the report was successful"' }
      : { text: 'lift the freeze', command: 'hybrid resume --reason "the report was successful"' };
  return [onward, { text: 'for other readers', command: 'hybrid report --out report.html --open' }];
}

/** More data does not mend every doubt. */
function stepsOutOfDoubt({ tasks }: ComparisonReport): readonly NextStep[] {
  const open = tasks.flatMap(({ task, lines }) =>
    lines.filter(({ verdict }) => verdict === 'inconclusive').map(({ doubt }) => ({ task, doubt })),
  );
  const has = (one: Doubt) => open.some(({ doubt }) => doubt === one);
  const unjudged = open.find(({ doubt }) => doubt === 'unjudged');
  const steps: NextStep[] = [];
  if (has('ratio') || has('share-changed')) {
    steps.push({ text: 'when the ratio changed', command: 'hybrid audit' });
  }
  if (has('share-changed')) {
    steps.push({ text: 'a window after that', command: 'hybrid report --since TIME' });
  }
  if (has('unfinished')) steps.push({ text: 'what is waiting or running', command: 'hybrid status' });
  if (unjudged) {
    const command = `hybrid parity mismatches --task ${shellWord(unjudged.task)}`;
    steps.push({ text: 'what could not be judged', command });
  }
  // Where the share changed, a longer window has even more of that.
  if (!has('share-changed') && (open.length === 0 || open.some(({ doubt }) => doubt === undefined))) {
    steps.push({ text: 'a longer window has more data', command: 'hybrid report --since 24h' });
  }
  if (steps.length === 0)
    steps.push({ text: 'for other readers', command: 'hybrid report --out report.html --open' });
  return steps;
}

/** The limits in words, for the end of a report. */
export function gateWords(gates: ReportGates): readonly (readonly [string, string])[] {
  const percentOf = (share: number) => Number((share * 100).toPrecision(6));
  return [
    [
      'error rate of canary above stable',
      `at most ${plural(percentOf(gates.errorRateDifference), 'percentage point')}`,
    ],
    ['mismatches beyond the noise', `at most ${percentOf(gates.mismatchRate)} % of pairs`],
    [
      'median run time of canary',
      `at most ${gates.latencyRatio} times stable's; less than ${gates.latencyFloorMs} ms longer never counts`,
    ],
    [
      'needed for a verdict',
      `${plural(gates.minimumTasks, 'finished task')} of each backend, ${plural(gates.minimumPairs, 'compared pair')}`,
    ],
  ];
}
