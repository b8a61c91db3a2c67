import type { Aggregates } from '../domain/aggregates.ts';
import type { Mismatch } from '../domain/parity.ts';
import type { ComparisonReport, ReportGates } from '../domain/report.ts';

export interface ReportInput {
  readonly namespace: string;
  readonly at: number;
  readonly window: { readonly from: number; readonly to: number };
  readonly aggregates: Aggregates;
  readonly mismatches: readonly Mismatch[];
  readonly mostMismatches: number;
  readonly gates: ReportGates;
}
export function buildReport(_input: ReportInput): ComparisonReport {
  throw new Error('being written');
}
