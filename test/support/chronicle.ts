import { randomInt } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EventOf, type Happening, type HistoryEvent, HistoryReader, writeHistory } from './history.ts';
import { uniqueName } from './redis.ts';
import { seededRandom } from './seeded-random.ts';
import { waitFor } from './wait-for.ts';

/** On an idle machine everything that is waited for happens within a few seconds. */
const PATIENCE_MS = 40_000;

/** The history of one trial as the test sees it, in a folder of its own, and the seed of everything random. */
export class Chronicle {
  /** `TRIAL_SEED` repeats a failed one. */
  readonly seed = Number(process.env.TRIAL_SEED ?? randomInt(2 ** 31));
  readonly random = seededRandom(this.seed);
  readonly #dir = mkdtempSync(join(tmpdir(), 'hybrid-trial-'));
  protected readonly file = join(this.#dir, 'history.jsonl');
  protected readonly writer = writeHistory(this.file, 'test');
  readonly #reader = new HistoryReader(this.file);

  /** More to say when something is waited for in vain. */
  protected diagnose(): string {
    return '';
  }

  note(happening: Happening): void {
    this.writer.note(happening);
  }

  get history(): readonly HistoryEvent[] {
    return this.#reader.read();
  }

  /** Ids of all submissions that were confirmed. */
  protected get idsOk(): string[] {
    return [...new Set(this.history.flatMap((e) => (e.event === 'submit-ok' ? [e.id] : [])))];
  }

  /** Runs that began, of one task. */
  runsOf(id: string): EventOf<'started'>[] {
    return this.history.filter((e) => e.event === 'started' && e.id === id) as EventOf<'started'>[];
  }

  /** The first event of that kind that fits, when it has happened. */
  seen<K extends HistoryEvent['event']>(event: K, fits: (e: EventOf<K>) => boolean): Promise<EventOf<K>> {
    const find = () => this.history.find((e) => e.event === event && fits(e as EventOf<K>));
    return this.waitFor(find, `event ${event}`) as Promise<EventOf<K>>;
  }

  /** When an event of that kind has happened `more` times more than now. */
  async seenMore(event: HistoryEvent['event'], more: number): Promise<void> {
    const count = () => this.history.filter((e) => e.event === event).length;
    const goal = count() + more;
    await this.waitFor(() => count() >= goal, `${more} more ${event}`);
  }

  /** @throws with the seed, the last events and the diagnosis */
  protected async waitFor<T>(condition: () => T | Promise<T>, what: string): Promise<T> {
    try {
      return await waitFor(condition, { what, timeoutMs: PATIENCE_MS });
    } catch (error) {
      const last = this.history.slice(-15).map((e) => JSON.stringify(e));
      const text = `Seed ${this.seed}. ${(error as Error).message}\n${last.join('\n')}\n${this.diagnose()}`;
      throw new Error(text, { cause: error });
    }
  }

  /** A file in the trial's own folder. */
  protected path(name: string): string {
    return join(this.#dir, name);
  }

  /** A file that a held run waits for, and what opens it. */
  gate(): { readonly file: string; open(): void } {
    const file = join(this.#dir, uniqueName('gate'));
    return { file, open: () => writeFileSync(file, '') };
  }

  /** `TRIAL_KEEP` names a file to keep the history in. */
  protected closeHistory(): void {
    if (process.env.TRIAL_KEEP) copyFileSync(this.file, process.env.TRIAL_KEEP);
    this.#reader.close();
    rmSync(this.#dir, { recursive: true });
  }
}
