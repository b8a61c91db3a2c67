import type { ComparisonReport } from '../domain/report.ts';

/** The report for scripts. What is in it is described by `ComparisonReport`; `version` grows when a field changes its meaning or goes. */
export function jsonReport(report: ComparisonReport): string {
  const ordered = Object.entries(report).map(([key, value]) => [key, sorted(value)]);
  const document = { format: 'hybrid-comparison-report', version: 1, ...Object.fromEntries(ordered) };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Keys in the order of the alphabet, so that two reports can be compared line by line. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
