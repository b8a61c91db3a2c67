import type { RunMeter } from '../domain/aggregates.ts';
import type { RoutingDecision } from '../domain/routing-decision.ts';
import type { Submission } from './submission.ts';

/** Whether it came to its backend otherwise than by ratio or flag, so that it says nothing about the two. */
export function isForced({ reason }: RoutingDecision): boolean {
  return reason !== 'ratio' && reason !== 'flag';
}

/**
 * Counts a submission, and what the ratio in force led to expect of it.
 * @param isCanaryUsable whether canary could have been chosen
 */
export function countSubmission(
  meter: RunMeter,
  submission: Submission,
  decision: RoutingDecision,
  isCanaryUsable: boolean,
): void {
  const { backend, reason, ratio } = decision;
  const { name } = submission.task;
  const arm = isForced(decision) ? 'forced' : 'assigned';
  meter.count(name, backend, arm, 'submitted');
  // Submissions that share a sticky key go one way together, and a flag's own rules have a ratio of their own.
  const isByRatio = reason === 'ratio' || (reason === 'flag' && typeof decision.flag?.value === 'number');
  const hasOwnBucket = submission.stickyKey === submission.id;
  // While canary is down its share goes to stable as forced, so what stable drew meanwhile is half of a draw.
  const isDraw = arm === 'assigned' && isByRatio && hasOwnBucket && isCanaryUsable;
  if (!isDraw || ratio === 0 || ratio === 1) return;
  meter.count(name, backend, arm, 'randomised');
  meter.count(name, backend, arm, 'expectedCanary', ratio);
  meter.count(name, backend, arm, 'variance', ratio * (1 - ratio));
}
