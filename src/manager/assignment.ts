import type { RunMeter } from '../domain/aggregates.ts';
import type { RoutingDecision } from '../domain/routing-decision.ts';
import type { Submission } from './submission.ts';
import type { Placement } from './submitter.ts';

/** Whether it came to its backend otherwise than by ratio or flag, so that it says nothing about the two. */
export function isForced({ reason }: RoutingDecision): boolean {
  return reason !== 'ratio' && reason !== 'flag';
}

/** Counts a submission, and what the ratio in force led to expect of it. */
export function countSubmission(
  meter: RunMeter,
  submission: Submission,
  { decision, drawn }: Pick<Placement, 'decision' | 'drawn'>,
): void {
  const { name } = submission.task;
  const arm = isForced(decision) ? 'forced' : 'assigned';
  meter.count(name, decision.backend, arm, 'submitted');
  if (drawn === null) return;
  // What was drawn and not where it ended: one that canary then did not take would be missing among its draws.
  const { backend, reason, ratio } = drawn;
  // Submissions that share a sticky key go one way together, and a flag's own rules have a ratio of their own.
  const isByRatio = reason === 'ratio' || (reason === 'flag' && typeof drawn.flag?.value === 'number');
  const hasOwnBucket = submission.stickyKey === submission.id;
  if (!isByRatio || !hasOwnBucket || ratio === 0 || ratio === 1) return;
  meter.count(name, backend, arm, 'randomised');
  meter.count(name, backend, arm, 'expectedCanary', ratio);
  meter.count(name, backend, arm, 'variance', ratio * (1 - ratio));
}
