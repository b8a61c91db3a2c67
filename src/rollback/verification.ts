import type { LedgerSnapshot, RollbackProblem } from '../domain/rollback.ts';

export type Verdict =
  /** Nothing of canary's is open, at this epoch, and it adds up. */
  | { readonly status: 'verified' }
  /** Something came in between; another round is needed. */
  | { readonly status: 'again'; readonly epoch: number }
  /** Redis has forgotten the freeze. */
  | { readonly status: 'forgotten' }
  | { readonly status: 'problem'; readonly problem: RollbackProblem };

/**
 * Judges one moment of ledger and control state (I4, I8).
 * @param epoch of the freeze that this run believes in
 * @param running tasks that are known to run on under live workers
 */
export function judge(now: LedgerSnapshot, epoch: number, running: number): Verdict {
  if (!now.isFrozen && now.epoch > epoch) {
    return problem(
      'E_RESUMED',
      'Somebody has resumed in the meantime: new tasks may go to canary again, and the rest was left where it is.',
      'npx hybrid audit --limit 5',
    );
  }
  if (!now.isFrozen) return { status: 'forgotten' };
  if (now.epoch !== epoch) return { status: 'again', epoch: now.epoch };
  // More: something came in. Fewer: something that ran has ended, perhaps by moving, after the walk over the moved ones.
  if (now.counts.openCanary !== running) return { status: 'again', epoch };
  if (!now.counts.conserved) {
    return problem(
      'E_NOT_CONSERVED',
      'The counts of the ledger do not add up. Either Redis has lost data, or somebody wrote into its keys.',
      'npx hybrid status',
    );
  }
  return { status: 'verified' };
}

function problem(code: RollbackProblem['code'], message: string, command: string): Verdict {
  return { status: 'problem', problem: { code, message, command } };
}
