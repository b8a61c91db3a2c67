import type { MismatchKind } from '../domain/parity.ts';
import type {
  Interval,
  ParityPart,
  ReportGates,
  TaskComparison,
  Verdict,
  VerdictLine,
} from '../domain/report.ts';
import { count, KIND_WORDS, percent, plural } from '../domain/wording.ts';
import { UNJUDGED, WHOLE_RESULT } from './parity-part.ts';
import { FEWEST_EVENTS, type Finding, judge, type Rule } from './rule.ts';
import { trialsToExclude } from './statistics/proportions.ts';
import { percentBetween, sentence } from './wording.ts';

const SWITCH_ON =
  'set parity.shadowSafe: true in the task if running it twice is harmless, and parity.sampleRate in the config';

/** With more noise than this a comparison is not one. */
const MOST_NOISE = 0.5;

/** Pairs must not differ more often than copies on one and the same backend do, by more than the gate. */
export const judgeMismatches: Rule = ({ shown: { parity, backends } }, gates): Finding => {
  const { mismatchRate: limit, minimumPairs } = gates;
  const { beyondNoise } = parity;
  const base = {
    rule: 'mismatches',
    title: 'Same results',
    threshold: `at most ${percent(limit)} of the pairs differ${parity.noise.pairs > 0 ? ' beyond noise' : ''}`,
  } as const;
  if (!beyondNoise) {
    const cause = nothingCompared(parity, copiesOf(backends));
    const doubt = parity.unjudged > 0 ? 'unjudged' : 'nothing-compared';
    const line = { ...base, verdict: 'inconclusive', doubt, interval: null } as const;
    return { line: { ...line, evidence: sentence(cause) }, cause };
  }
  const doubt = doubtOf(parity, limit, minimumPairs);
  const verdict = verdictOf(parity, beyondNoise, doubt, { limit, minimumPairs });
  const seen = seenOf(parity, beyondNoise);
  const line: VerdictLine = {
    ...base,
    verdict,
    evidence: verdict === 'inconclusive' ? `${seen}; ${doubt ?? atBest(parity, limit)}` : seen,
    ...(verdict === 'inconclusive' && isUnjudged(parity, gates) ? { doubt: 'unjudged' } : {}),
    interval: { ...(worstBeyond(parity, limit)?.beyondNoise ?? beyondNoise), limit, unit: 'share' },
  };
  return { line, cause: causeOf(parity, beyondNoise, { verdict, doubt, gates }) };
};

function verdictOf(
  parity: ParityPart,
  beyondNoise: Interval,
  doubt: string | null,
  gates: { readonly limit: number; readonly minimumPairs: number },
): Verdict {
  const isClear = parity.mismatched >= FEWEST_EVENTS;
  const isEnough = parity.pairs >= gates.minimumPairs;
  if (worstBeyond(parity, gates.limit)) return 'failed';
  const verdict = judge(beyondNoise, gates.limit, { isEnough, isClear });
  return verdict === 'successful' && doubt !== null ? 'inconclusive' : verdict;
}

/** A place or kind that differs beyond its own noise by more than is allowed, whatever else differs by itself. */
function worstBeyond({ worst }: ParityPart, limit: number): ParityPart['worst'] {
  return worst && worst.beyondNoise.low > limit ? worst : null;
}

/** Why this cannot be successful, however the pairs look; null: it can. */
function doubtOf(parity: ParityPart, limit: number, minimumPairs: number): string | null {
  const { pairs, unjudged, noise } = parity;
  if (isUnjudged(parity, { minimumPairs, mismatchRate: limit })) {
    return `${count(unjudged)} of ${plural(pairs + unjudged, 'pair')} could not be judged (${unjudgedWords(parity)}), which may hide mismatches`;
  }
  if (lacksControls(parity, { minimumPairs, mismatchRate: limit })) {
    return `${plural(noise.pairs, 'control pair is', 'control pairs are')} too few to say how much of that is noise`;
  }
  if (pairs < minimumPairs) {
    return `only ${plural(pairs, 'pair has', 'pairs have')} been compared, at least ${count(minimumPairs)} are needed`;
  }
  const fewestControls = fewestControlsOf(minimumPairs);
  const needsExcuse = (parity.rate?.high ?? 1) > limit;
  if (needsExcuse && noise.pairs > 0 && noise.pairs < fewestControls) {
    return `noise is known from ${plural(noise.pairs, 'control pair')} only, at least ${count(fewestControls)} are needed`;
  }
  if ((noise.rate?.estimate ?? 0) > MOST_NOISE) {
    const place = parity.paths[0]?.path;
    const advice = place ? `; if ${place} differs by itself, name it in parity.ignore` : '';
    return `${percent(noise.rate?.estimate ?? 0)} of the control pairs differ, so the results say little${advice}`;
  }
  return null;
}

/** Noise excuses mismatches, so it must be known as well as they are, at the share of control pairs that is the default. */
function fewestControlsOf(minimumPairs: number): number {
  return Math.ceil(minimumPairs / 10);
}

/** Whether the pairs alone would fail canary, and only that so few control pairs leave much room for noise keeps them from it. */
function lacksControls(
  { pairs, mismatched, rate, noise }: ParityPart,
  { minimumPairs, mismatchRate: limit }: Pick<ReportGates, 'minimumPairs' | 'mismatchRate'>,
): boolean {
  const isEnough = pairs >= minimumPairs || mismatched >= FEWEST_EVENTS;
  if (!isEnough || !rate || !noise.rate || rate.low <= limit) return false;
  return noise.pairs < fewestControlsOf(minimumPairs) || rate.low - noise.rate.estimate > limit;
}

/** Whether so many could not be judged that they may hide more mismatches than are allowed. */
function isUnjudged(
  { pairs, unjudged }: ParityPart,
  gates: Pick<ReportGates, 'minimumPairs' | 'mismatchRate'>,
): boolean {
  return pairs >= gates.minimumPairs && unjudged > gates.mismatchRate * (pairs + unjudged);
}

interface Copies {
  readonly submitted: number;
  /** Not ended, also those whose pair was dropped. */
  readonly open: number;
}

function copiesOf({ stable, canary }: TaskComparison['backends']): Copies {
  return {
    submitted: stable.shadow.submitted + canary.shadow.submitted,
    open: stable.unfinished.shadow + canary.unfinished.shadow,
  };
}

/** Advises to switch copies on only where there are none. */
function nothingCompared(parity: ParityPart, { submitted, open }: Copies): string {
  const { unjudged, dropped, noise } = parity;
  if (unjudged > 0) {
    return `none of ${plural(unjudged, 'pair')} could be judged (${unjudgedWords(parity)})`;
  }
  if (dropped > 0) {
    const why =
      'cancelled, moved, without an outcome on either side, or their copy had no turn in time or lost its worker';
    if (submitted <= dropped)
      return `${dropped === 1 ? 'the only pair was' : `all ${count(dropped)} pairs were`} dropped: ${why}`;
    // A dropped pair explains one copy that has not ended at most.
    const left = open - dropped;
    const more = left > 0 ? `, at least ${plural(left, 'more copy has', 'more copies have')} not ended` : '';
    return `no results have been compared: ${plural(dropped, 'pair was', 'pairs were')} dropped (${why})${more}`;
  }
  if (open > 0) {
    const of =
      open < submitted
        ? `${count(open)} of ${plural(submitted, 'copy', 'copies')}`
        : plural(open, 'copy', 'copies');
    return `no results have been compared: ${of} ${open === 1 ? 'has' : 'have'} not ended`;
  }
  if (submitted > 0) {
    return `no results have been compared, though ${plural(submitted, 'copy has', 'copies have')} ended`;
  }
  if (noise.pairs > 0) {
    return `no results of stable and canary have been compared, only ${plural(noise.pairs, 'control pair')}`;
  }
  return `no results have been compared: ${SWITCH_ON}`;
}

function unjudgedWords({ kinds }: ParityPart): string {
  return UNJUDGED.filter((kind) => (kinds[kind] ?? 0) > 0)
    .map((kind) => `${KIND_WORDS[kind]}: ${count(kinds[kind] ?? 0)}`)
    .join(', ');
}

function seenOf(parity: ParityPart, beyondNoise: Interval): string {
  const { mismatched, pairs, noise, rate, unjudged } = parity;
  const parts = [`${count(mismatched)} of ${plural(pairs, 'pair')} differ`];
  if (rate) parts[0] += ` (${percent(rate.estimate)}, ${percentBetween(rate)})`;
  const kinds = (Object.entries(parity.kinds) as [MismatchKind, number][])
    .filter(([kind]) => !UNJUDGED.includes(kind))
    .sort(([, a], [, b]) => b - a);
  if (kinds.length > 0) parts.push(kinds.map(([kind, n]) => `${KIND_WORDS[kind]}: ${count(n)}`).join(', '));
  if (noise.rate) {
    parts.push(
      `noise: ${count(noise.mismatched)} of ${plural(noise.pairs, 'control pair')} (${percent(noise.rate.estimate)})`,
      `beyond noise: ${percentBetween(beyondNoise)}`,
    );
  } else if (mismatched > 0) {
    parts.push('noise is unknown: no control pair has been compared yet (parity.controlShare)');
  }
  if (unjudged > 0) parts.push(`not judged: ${count(unjudged)} (${unjudgedWords(parity)})`);
  return parts.join('; ');
}

function causeOf(
  parity: ParityPart,
  beyondNoise: Interval,
  found: { readonly verdict: Verdict; readonly doubt: string | null; readonly gates: ReportGates },
): string {
  const { mismatched, pairs, noise, rate } = parity;
  const limit = found.gates.mismatchRate;
  const differ = `${count(mismatched)} of ${plural(pairs, 'pair')} differ`;
  if (found.verdict === 'successful')
    return mismatched === 0 ? differ : `${differ} (${percent(mismatched / pairs)})`;
  if (found.verdict === 'inconclusive') {
    if (found.doubt !== null) {
      const isOfNoise = !isUnjudged(parity, found.gates) && lacksControls(parity, found.gates);
      return isOfNoise ? `${differ} (${percent(rate?.estimate ?? 0)}), and ${found.doubt}` : found.doubt;
    }
    return `${differ}, which may be ${percent(beyondNoise.high)}${noise.pairs > 0 ? ' beyond noise' : ''}: ${atBest(parity, limit)}`;
  }
  const worst = worstBeyond(parity, limit);
  if (worst && noise.mismatched > 0) {
    const own = `${count(worst.controlPairs)} of ${plural(noise.pairs, 'control pair')}`;
    return `${count(worst.pairs)} of ${plural(pairs, 'pair')} differ ${whereOf(worst.what)}, ${own} do`;
  }
  const allowed =
    noise.rate && noise.mismatched > 0
      ? `noise ${percent(noise.rate.estimate)}, at most ${percent(limit)} beyond it allowed`
      : `at most ${percent(limit)} allowed`;
  const main = noise.mismatched > 0 ? mostBeyondNoise(parity) : mostOften(parity);
  return `${differ} (${percent(rate?.estimate ?? 0)}, ${allowed})${main}`;
}

/** The most frequent kind of those that count; null: there is none. */
export function mainKind({ kinds }: ParityPart): MismatchKind | null {
  let main: MismatchKind | null = null;
  for (const [kind, count] of Object.entries(kinds) as [MismatchKind, number][]) {
    if (!UNJUDGED.includes(kind) && (main === null || count > (kinds[main] ?? 0))) main = kind;
  }
  return main;
}

/** A place as such, a kind in brackets. */
function whereOf(what: string): string {
  return what.startsWith('/') || what === WHOLE_RESULT ? `at ${what}` : `(${what})`;
}

/** What is most frequent may differ by itself. */
function mostBeyondNoise({ worst }: ParityPart): string {
  return worst && worst.beyondNoise.estimate > 0 ? `, furthest beyond noise ${whereOf(worst.what)}` : '';
}

function mostOften(parity: ParityPart): string {
  const kind = mainKind(parity);
  if (kind === null) return '';
  const path = parity.paths[0]?.path;
  if (kind !== 'value' || path === undefined) return `, most often ${KIND_WORDS[kind]}`;
  return path === '' ? `, most often in ${WHOLE_RESULT}` : `, most often at ${path}`;
}

function atBest({ mismatched }: ParityPart, limit: number): string {
  const trials = trialsToExclude(limit);
  if (!Number.isFinite(trials)) return 'no number of pairs can show a share of 0 %';
  return mismatched === 0
    ? `it takes at least ${count(trials)} pairs without a difference`
    : 'more pairs are needed to tell';
}
