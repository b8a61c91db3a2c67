import type { FileChange, RollbackListener, RollbackProblem, ServiceResult } from '../domain/rollback.ts';
import type { ConsumerCheck } from './consumers.ts';
import type { Persisted } from './house.ts';

/** More names than these help nobody; the rest is listed by `hybrid parked`. */
const MOST_NAMED = 20;

/** What a run has found so far, and the problems that follow from it. */
export class Findings {
  readonly problems: RollbackProblem[] = [];
  readonly notes: string[] = [];
  readonly services: ServiceResult[] = [];
  files: readonly FileChange[] = [];
  readonly #emit: RollbackListener;

  constructor(emit: RollbackListener) {
    this.#emit = emit;
  }

  add(problem: RollbackProblem): void {
    this.problems.push(problem);
    this.#emit({ type: 'problem', problem });
  }

  /** The same twice is said once. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  addCheck(check: ConsumerCheck): void {
    if (check.status === 'all-stopped') this.note(check.note);
    if (check.status === 'missing') this.add(check.problem);
  }

  /** @param count since the freeze, whoever parked them @param ids as far as this run knows them */
  addParked(count: number, ids: readonly string[]): void {
    if (count === 0) return;
    const shown = ids.slice(0, MOST_NAMED);
    const named = shown.length === 0 ? '' : `: ${shown.join(', ')}${ids.length > MOST_NAMED ? ', ...' : ''}`;
    this.add({
      code: 'E_CORRUPT_ENTRY',
      message:
        `${count === 1 ? 'A ledger entry' : `${count} ledger entries`} could not be read since the freeze, so there was ` +
        `nothing to move. Parked as failed, what is left of the record kept${named}.`,
      command: 'npx hybrid parked',
    });
  }

  addPersisted({ files, notes }: Persisted): void {
    this.files = files;
    this.notes.push(...notes);
    for (const { file, setting, after, status, problem } of files) {
      if (status !== 'failed') continue;
      this.add({
        code: 'E_FILE_NOT_CHANGED',
        message: `${file} still has its old ${setting}: ${problem}. Set it to ${after} yourself.`,
        command: null,
      });
    }
  }

  addServices(results: readonly ServiceResult[]): void {
    this.services.push(...results);
    for (const { command, role, status, detail } of results) {
      if (status !== 'failed') continue;
      const what = role === 'start-stable' ? 'start a service of stable' : 'stop a service of canary';
      this.add({
        code: 'E_SERVICE_FAILED',
        message: `The command to ${what} failed: ${detail}.`,
        command,
      });
    }
  }
}
