import type { RoutingDecision } from '../index.ts';

/** Why a submission went where it went, in words. */
export function decisionText(decision: RoutingDecision): string {
  const ignored = decision.ignored ?? [];
  const lost = ignored.length === 0 ? '' : `; ${decision.backend} has no ${ignored.join(', no ')}`;
  return `${reasonText(decision)} (epoch ${decision.epoch})${lost}`;
}

function reasonText({ reason, backend, bucket, ratio, flag }: RoutingDecision): string {
  switch (reason) {
    case 'ratio':
      return `ratio: bucket ${bucket.toFixed(4)} is ${backend === 'canary' ? 'below' : 'not below'} ${ratio}`;
    case 'flag':
      return `flag: ${flag?.key} says ${flag?.value}`;
    case 'frozen':
      return 'frozen: nothing goes to canary';
    case 'requested':
      return 'requested: the submission named the backend';
    case 'capability':
      return 'capability: only canary can do what was asked';
    case 'canary-down':
      return 'canary-down: canary does not answer';
    case 'stale':
      return 'stale: the routing changed too often meanwhile';
    case 'duplicate':
      return 'duplicate: submitted before, this is the first one';
  }
}
