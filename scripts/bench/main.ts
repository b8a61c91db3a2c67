import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Figure } from './figures.ts';
import { benchMemory } from './memory.ts';
import { benchParity } from './parity.ts';
import { benchProcess } from './process.ts';
import { benchPropagate } from './propagate.ts';
import { renderReport, reportOf, writeReport } from './report.ts';
import { benchRollback } from './rollback.ts';
import type { BenchPlan } from './rounds.ts';
import { benchRoute } from './route.ts';
import { benchSubmit } from './submit.ts';

const DEFAULT_ROUNDS = 7;
const MOST_ROUNDS = 1000;
const RESULT_FOLDER = 'bench-results';

type Bench = (plan: BenchPlan) => Promise<{ readonly redis?: string; readonly figures: Figure[] }>;

const BENCHES: Readonly<Record<string, Bench>> = {
  route: benchRoute,
  submit: benchSubmit,
  process: benchProcess,
  propagate: benchPropagate,
  rollback: benchRollback,
  parity: benchParity,
};

const HELP = `Measures this project against plain bee-queue and plain BullMQ, in turn and on the same machine.

Usage: npm run bench -- BENCH [options]

  route       one routing decision: by the ratio (at most 1 µs), by a flag
  submit      submitting: to stable against job.save() (at least 1.0 of it),
              to canary against queue.add() with a jobId (at least 0.85)
  process     a handler that does nothing, 50 at once, no stored result: on stable against
              a plain bee-queue worker (at least 0.9), on canary against a plain BullMQ worker (at least 0.75)
  propagate   how long after a change of the ratio four other processes act on it (p99 at most 100 ms)
  rollback    the way back with 100,000 pending tasks beside 500 submissions/s (at most 100 µs per task, which is
              10,000 tasks/s), what the submissions notice of it, and its time per task from 1,000 pending on
  parity      submitting while 0, 1, 10 and 100 % are copied to canary to be compared (p50 at 10 % at most 1.05 times
              that without)

Options:
  --rounds N  rounds that count, after one to warm up (default: ${DEFAULT_ROUNDS})
  --quick     one short round: shows that the benchmark runs, its figures mean nothing
  --memory    only with submit: instead, the producer's heap over 500,000 submissions
  --large     only with rollback: also with a million pending tasks
  --json      the report as JSON on standard output, instead of a table
  --out DIR   where the report is written (default: ${RESULT_FOLDER})
  --help      this text

REDIS_URL is used if it is set; its keys are removed at the end. Else a private redis-server is
started, without persistence. A benchmark is not a test: a missed target is exit code 0, too.
Exit codes: 0 measured, 1 it could not run, 2 a mistake in the command line.
`;

class UsageError extends Error {}

interface Command {
  readonly name: string;
  readonly bench: Bench;
  readonly rounds: number;
  readonly isQuick: boolean;
  readonly isLarge: boolean;
  readonly isJson: boolean;
  readonly folder: string;
}

/**
 * Runs one benchmark, prints it and writes it to a file.
 *
 * @param argv arguments without node and script
 * @param complain where problems are said @default standard error
 * @returns the exit code: 0 measured (whether or not a target was reached), 1 it could not run, 2 wrong arguments
 */
export async function runBench(
  argv: readonly string[],
  complain: (text: string) => void = (text) => process.stderr.write(text),
): Promise<number> {
  try {
    const command = parse(argv);
    if (command === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    await run(command);
    return 0;
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof UsageError) {
      complain(`${message}\nSee: npm run bench -- --help\n`);
      return 2;
    }
    complain(`The benchmark could not run: ${message}\n`);
    return 1;
  }
}

async function run({ name, bench, rounds, isQuick, isLarge, isJson, folder }: Command): Promise<void> {
  const startedAt = new Date();
  const isWatched = !isJson && process.stderr.isTTY === true;
  const say = (what: string): void => {
    if (isWatched) process.stderr.write(`\r\x1b[2K${what}`);
  };
  const { redis, figures } = await bench({ rounds, isQuick, isLarge, say });
  if (isWatched) process.stderr.write('\r\x1b[2K');
  const report = reportOf(name, { rounds, isQuick }, startedAt, redis, figures);
  const file = await writeReport(report, folder);
  process.stdout.write(
    isJson ? `${JSON.stringify({ ...report, file }, null, 2)}\n` : `${renderReport(report)}\n${file}\n`,
  );
}

function parse(argv: readonly string[]): Command | 'help' {
  const { values, positionals } = read(argv);
  if (values.help) return 'help';
  const [name, ...more] = positionals;
  const known = Object.keys(BENCHES).join(', ');
  if (name === undefined) throw new UsageError(`Which benchmark? One of: ${known}.`);
  if (more.length > 0) throw new UsageError(`One benchmark at a time; given: ${positionals.join(', ')}.`);
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (bench === undefined) throw new UsageError(`There is no benchmark "${name}"; allowed: ${known}.`);
  if (values.memory && name !== 'submit') throw new UsageError('--memory goes with submit only.');
  if (values.large && name !== 'rollback') throw new UsageError('--large goes with rollback only.');
  if (values.memory && values.quick) throw new UsageError('--memory has no short form: leave out --quick.');
  return {
    name: values.memory ? 'memory' : name,
    bench: values.memory ? benchMemory : bench,
    rounds: values.quick ? 1 : roundsOf(values.rounds),
    isQuick: values.quick,
    isLarge: values.large,
    isJson: values.json,
    folder: values.out,
  };
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
        quick: { type: 'boolean', default: false },
        memory: { type: 'boolean', default: false },
        large: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        out: { type: 'string', default: RESULT_FOLDER },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function roundsOf(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= MOST_ROUNDS) return rounds;
  throw new UsageError(`--rounds: given "${text}"; allowed: a whole number from 1 to ${MOST_ROUNDS}.`);
}

const script = process.argv[1];
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) {
  void runBench(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
