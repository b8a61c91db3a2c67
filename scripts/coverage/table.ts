import { shareOf, type Tally } from './tally.ts';

export interface CoverageRun {
  readonly reports: number;
  readonly seed: number;
  readonly seconds: number;
  readonly tallies: readonly (readonly [string, Tally])[];
}

const percent = (share: number, digits = 2) => `${(share * 100).toFixed(digits)} %`;

/** The figures as they are read by people. */
export function tableOf({ reports, seed, seconds, tallies }: CoverageRun): string {
  const rows = [...tallies]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, tally]) => {
      const [group = '', where = ''] = name.split('/');
      const { share, plusMinus } = shareOf(tally);
      return [group, where, percent(share), `+- ${percent(plusMinus)}`, tally.trials.toLocaleString('en-US')];
    });
  const head = ['of', 'where', 'share', 'its own 95 %', 'reports'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((text, i) => (i < 2 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  ');
  const title = `${reports.toLocaleString('en-US')} reports over identical backends, seed ${seed}, ${seconds.toFixed(0)} s. How often each 95 % interval holds the truth, and what the verdicts were:`;
  return `${[title, '', line(head), ...rows.map(line)].join('\n')}\n`;
}

/** The figures as they are read by programs. */
export function jsonOf({ reports, seed, seconds, tallies }: CoverageRun): string {
  const figures = tallies.map(([name, tally]) => {
    const [group, where] = name.split('/');
    return { group, where, ...tally, ...shareOf(tally) };
  });
  return `${JSON.stringify({ reports, seed, seconds, figures }, null, 2)}\n`;
}
