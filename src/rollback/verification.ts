import type { LedgerSnapshot, RollbackProblem } from '../domain/rollback.ts';

export type Verdict =
  /** Nothing of canary's is open but what is known to run, at this epoch, and it adds up. */
  | { readonly status: 'verified' }
  /** Something came in between; another round is needed. */
  | { readonly status: 'again'; readonly epoch: number }
  /** Redis has forgotten the freeze. */
  | { readonly status: 'forgotten' }
  | { readonly status: 'problem'; readonly problem: RollbackProblem };

/** Two moments: before the walk over the moved tasks, and after it. */
export interface Watch {
  readonly before: LedgerSnapshot;
  readonly after: LedgerSnapshot;
}

/**
 * Judges ledger and control state (I4, I8).
 * @param epoch of the freeze that this run believes in
 * @param running tasks that are known to run on under live workers
 */
export function judge({ before, after }: Watch, epoch: number, running: number): Verdict {
  if (!after.isFrozen && after.epoch > epoch) {
    return problem(
      'E_RESUMED',
      'Somebody has resumed in the meantime: new tasks may go to canary again, and the rest was left where it is.',
      'npx hybrid audit --limit 5',
    );
  }
  if (!after.isFrozen) return { status: 'forgotten' };
  if (after.epoch !== epoch) return { status: 'again', epoch: after.epoch };
  // What was moved while the walk was under way may be in no queue, and the walk past it.
  const isStill =
    before.counts.reassigned === after.counts.reassigned && before.counts.openCanary === running;
  if (!isStill || after.counts.openCanary !== running) return { status: 'again', epoch };
  if (!after.counts.conserved) {
    return problem(
      'E_NOT_CONSERVED',
      'The counts of the ledger do not add up. Either Redis has lost data, or somebody wrote into its keys.',
      'npx hybrid status',
    );
  }
  return { status: 'verified' };
}

/** @returns null, or what to say if Redis knows less at the end than at the beginning */
export function lossSince(first: LedgerSnapshot, now: LedgerSnapshot): RollbackProblem | null {
  if (now.counts.accepted >= first.counts.accepted) return null;
  return {
    code: 'E_NOT_CONSERVED',
    message:
      `Redis has lost data while this ran: canary had accepted ${first.counts.accepted} tasks, ` +
      `${first.counts.openCanary} of them unfinished, and now the ledger knows of ${now.counts.accepted}. ` +
      'What was lost cannot be brought back from here; producers that repeat under the same ids submit it again.',
    command: 'npx hybrid status',
  };
}

function problem(code: RollbackProblem['code'], message: string, command: string): Verdict {
  return { status: 'problem', problem: { code, message, command } };
}
