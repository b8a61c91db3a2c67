import { afterAll, describe, expect, it } from '@jest/globals';
import type { BackendName } from '../../src/domain/task.ts';
import { jobId } from '../support/job-requests.ts';
import { LedgerBench, MAX_LOSSES } from '../support/ledger-bench.ts';
import { isOpen, LedgerModel } from '../support/ledger-model.ts';
import { expectNoLeakedConnections } from '../support/redis.ts';
import { seededRandom } from '../support/seeded-random.ts';

const STEPS = 800;
const WORKERS = ['worker-a', 'worker-b', 'worker-c'] as const;
/** Few of everything, so that steps meet. */
const IDS = 5;

/** One random step, made in the ledger and in the model. */
interface Step {
  readonly name: string;
  /** The task that it touches, if it touches one. */
  readonly id?: string;
  readonly real: () => Promise<string>;
  readonly model: () => string;
  /** Asking twice changes nothing, and the second answer is known. */
  readonly canRepeat: boolean;
}

class Walk {
  readonly #bench: LedgerBench;
  readonly #model = new LedgerModel(MAX_LOSSES);
  readonly #random: () => number;
  readonly #ids = Array.from({ length: IDS }, jobId);
  readonly #all = new Set(this.#ids);
  /** Of each task's last run that was granted, whatever became of it. */
  readonly #granted = new Map<string, string>();
  #tokens = 0;
  readonly path: string[] = [];
  /** Which answers came up, like `start granted`. */
  readonly seen = new Set<string>();

  constructor(bench: LedgerBench, seed: number) {
    this.#bench = bench;
    this.#random = seededRandom(seed);
  }

  async run(): Promise<void> {
    for (let i = 0; i < STEPS; i++) {
      const step = this.#nextStep();
      this.path.push(step.name);
      const times = step.canRepeat && this.#chance(0.3) ? 2 : 1;
      for (let n = 0; n < times; n++) {
        const answer = await step.real();
        expect([step.name, answer]).toEqual([step.name, step.model()]);
        this.seen.add(`${step.name.split(' ')[0]} ${answer.replace(/ \d.*/, '')}`.trim());
      }
      if (i % 50 === 0) await this.#compare([...this.#all]);
      else await this.#compare(step.id ? [step.id] : []);
    }
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.#random() * of.length)] as T;
  }

  /** An id under test; sometimes one that finished makes room for a new one. */
  #pickId(): string {
    const at = Math.floor(this.#random() * IDS);
    const id = this.#ids[at] as string;
    const entry = this.#model.entries.get(id);
    if (!entry || isOpen(entry) || this.#chance(0.6)) return id;
    const fresh = jobId();
    this.#ids[at] = fresh;
    this.#all.add(fresh);
    return fresh;
  }

  /** The token of the run in force, as a rule; else an old one or one that never was. */
  #pickToken(id: string): string {
    const entry = this.#model.entries.get(id);
    const known = [entry?.token ?? this.#granted.get(id), entry?.retryOf, entry?.movedOf].filter(
      (token) => typeof token === 'string',
    );
    if (known.length > 0 && this.#chance(0.85))
      return this.#chance(0.7) ? (known[0] as string) : this.#pick(known);
    return `token-${Math.ceil(this.#random() * (this.#tokens + 1))}`;
  }

  #nextStep(): Step {
    const id = this.#pickId();
    const { ledger } = this.#bench;
    const model = this.#model;
    const short = id.slice(-4);
    const roll = this.#random();
    const owner = model.entries.get(id)?.owner ?? 'canary';
    const backend: BackendName = this.#chance(0.9) ? owner : owner === 'canary' ? 'stable' : 'canary';

    if (roll < 0.15) {
      const epoch = model.epoch - (this.#chance(0.1) ? 1 : 0);
      return {
        name: `accept ${short} epoch ${epoch}`,
        id,
        real: async () => {
          const answer = await ledger.accept(this.#bench.request({ id, epoch }));
          return answer.status === 'duplicate' ? `duplicate ${answer.owner}` : answer.status;
        },
        model: () => model.accept(id, epoch),
        canRepeat: true,
      };
    }
    if (roll < 0.4) {
      const worker = this.#pick(WORKERS);
      const token = this.#chance(0.15) ? this.#pickToken(id) : `token-${++this.#tokens}`;
      return {
        name: `start ${short} on ${backend} by ${worker} with ${token}`,
        id,
        real: async () => {
          const answer = await this.#bench.start(id, worker, token, backend);
          if (answer.status === 'granted') {
            this.#granted.set(id, token);
            return `granted ${answer.attempt} ${answer.failures}`;
          }
          return answer.status === 'skip' ? `skip ${answer.why}` : answer.status;
        },
        model: () => model.start(id, worker, token, backend),
        canRepeat: true,
      };
    }
    if (roll < 0.5) {
      const token = this.#pickToken(id);
      const state = this.#chance(0.7) ? 'succeeded' : 'failed';
      return {
        name: `finish ${short} ${state} on ${backend} with ${token}`,
        id,
        real: () => this.#bench.finish(id, token, state, backend),
        model: () => model.finish(id, token, state, backend),
        canRepeat: true,
      };
    }
    if (roll < 0.62) {
      const token = this.#pickToken(id);
      const isFree = this.#chance(0.3);
      return {
        name: `retry ${short} ${isFree ? 'free ' : ''}with ${token}`,
        id,
        real: async () => {
          const answer = await this.#bench.retry(id, token, isFree);
          return answer.status === 'moved' ? `moved ${answer.task.failures}` : answer.status;
        },
        model: () => model.retry(id, token, isFree),
        canRepeat: true,
      };
    }
    if (roll < 0.71) {
      return {
        name: `cancel ${short}`,
        id,
        real: () => ledger.cancel(id),
        model: () => model.cancel(id),
        canRepeat: true,
      };
    }
    if (roll < 0.81) {
      return {
        name: `reassign ${short}`,
        id,
        real: async () => {
          const [answer] = await ledger.reassign([id]);
          if (answer?.status === 'moved') return `moved ${answer.task.failures}`;
          return answer?.status === 'left' ? `left ${answer.owner} ${answer.state}` : String(answer?.status);
        },
        model: () => model.reassign(id),
        canRepeat: true,
      };
    }
    if (roll < 0.84) {
      return {
        name: `adopt ${short} from ${backend}`,
        id,
        real: async () => {
          const entry = { spec: this.#bench.spec(), payload: '{}', acceptedAt: 1, entryTtlSeconds: 1000 };
          await ledger.adopt(backend, id, entry);
          return '';
        },
        model: () => {
          model.adopt(id, backend);
          return '';
        },
        canRepeat: true,
      };
    }
    if (roll < 0.95) {
      const worker = this.#pick(WORKERS);
      return {
        name: `kill ${worker}`,
        real: async () => {
          await this.#bench.kill(worker);
          return '';
        },
        model: () => {
          model.alive.delete(worker);
          return '';
        },
        canRepeat: false,
      };
    }
    const isFrozen = this.#chance(0.4);
    return {
      name: isFrozen ? 'freeze' : 'resume',
      real: async () => {
        await (isFrozen ? this.#bench.freeze() : this.#bench.resume());
        return `epoch ${this.#bench.plane.state.epoch}`;
      },
      model: () => {
        model.setFrozen(isFrozen);
        return `epoch ${model.epoch}`;
      },
      canRepeat: true,
    };
  }

  async #compare(ids: readonly string[]): Promise<void> {
    expect(await this.#bench.ledger.counts()).toMatchObject({ ...this.#model.counts, conserved: true });
    const [entries, outcomes] = await Promise.all([
      Promise.all(ids.map((id) => this.#bench.entry(id))),
      Promise.all(ids.map((id) => this.#bench.storedOutcome(id))),
    ]);
    ids.forEach((id, i) => {
      const expected = this.#model.entries.get(id);
      const [entry, outcome] = [entries[i], outcomes[i]];
      // An entry that `finish` wrote for want of one has no spec, and is closed; its outcome tells the rest.
      if (expected && entry) {
        const { owner, state, worker, attempt, failures, losses, cancelRequested } = expected;
        const isRunning = state === 'running';
        expect(entry).toMatchObject({ owner, state, attempt, failures, losses, cancelRequested });
        if (isRunning) expect(entry.worker).toBe(worker);
        expect(entry.payload === null).toBe(!isOpen(expected));
      } else expect(expected ? isOpen(expected) : entry).toBe(expected ? false : null);
      const wanted = this.#model.outcomes.get(id);
      const by = outcome && (outcome.value ?? (outcome.status === 'cancelled' ? 'cancel' : 'parked'));
      expect(outcome && { status: outcome.status, by }).toEqual(wanted ?? null);
    });
  }
}

/** A walk that never comes here has shown nothing about it. */
const MUST_COME_UP = [
  'accept accepted',
  'accept duplicate canary',
  'accept duplicate stable',
  'accept stale',
  'start granted',
  'start absent',
  'start busy',
  'start skip moved',
  'start skip finished',
  'start skip cancelled',
  'start skip parked',
  'finish recorded',
  'finish fenced',
  'retry retrying',
  'retry moved',
  'retry cancelled',
  'retry fenced',
  'cancel cancelled',
  'cancel requested',
  'cancel finished',
  'reassign moved',
  'reassign cancelled',
  'reassign left canary running',
  'reassign left stable accepted',
];
const seen = new Set<string>();

afterAll(() => expectNoLeakedConnections());

describe('a random walk over all scripts', () => {
  it.each([8, 11])("from seed %i: every answer, entry, outcome and count is the model's", async (seed) => {
    const bench = await LedgerBench.open();
    const walk = new Walk(bench, seed);
    try {
      await walk.run();
    } catch (error) {
      const steps = walk.path.slice(-30).join('\n  ');
      throw new Error(`seed ${seed}, step ${walk.path.length}:\n  ${steps}\n${(error as Error).message}`);
    } finally {
      for (const answer of walk.seen) seen.add(answer);
      bench.close();
    }
  });

  it('comes by every answer of every script', () => {
    expect(MUST_COME_UP.filter((answer) => !seen.has(answer))).toEqual([]);
  });
});
