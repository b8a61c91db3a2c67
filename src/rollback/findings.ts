import type {
  FileChange,
  RollbackListener,
  RollbackPhase,
  RollbackProblem,
  ServiceResult,
} from '../domain/rollback.ts';
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
  readonly #phaseMs = new Map<RollbackPhase, number>();
  readonly #emit: RollbackListener;

  constructor(emit: RollbackListener) {
    this.#emit = emit;
  }

  add(problem: RollbackProblem): void {
    this.problems.push(problem);
    this.#emit({ type: 'problem', problem });
  }

  note(text: string): void {
    this.notes.push(text);
  }

  get phases(): readonly { readonly phase: RollbackPhase; readonly ms: number }[] {
    return [...this.#phaseMs].map(([phase, ms]) => ({ phase, ms }));
  }

  /** A phase may come more than once; its times add up. */
  addPhase(phase: RollbackPhase, ms: number): void {
    this.#phaseMs.set(phase, (this.#phaseMs.get(phase) ?? 0) + ms);
  }

  addCheck(check: ConsumerCheck): void {
    if (check.status === 'all-stopped') this.note(check.note);
    if (check.status === 'missing') this.add(check.problem);
  }

  addParked(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const named = `${ids.slice(0, MOST_NAMED).join(', ')}${ids.length > MOST_NAMED ? ', ...' : ''}`;
    this.add({
      code: 'E_CORRUPT_ENTRY',
      message:
        `${ids.length === 1 ? 'A ledger entry' : `${ids.length} ledger entries`} could not be read, so there was ` +
        `nothing to move. Parked as failed, what is left of the record kept: ${named}.`,
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
