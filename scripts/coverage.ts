import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { jsonOf, tableOf } from './coverage/table.ts';
import { Tallies, type Tally } from './coverage/tally.ts';
import type { Slice } from './coverage/worker.ts';

const HELP = `Simulates reports over two backends that are alike, and counts how often each 95 % interval holds the truth.

Usage: npm run build && node dist/scripts/coverage.js [options]

  --reports N  how many (default: 100000)
  --seed N     of the first report; the others have the numbers after it (default: 1)
  --workers N  threads (default: 2)
  --json       JSON instead of a table
  --help       this text

Exit codes: 0 counted, 2 a mistake in the command line.
`;

class UsageError extends Error {}

function wholeNumber(
  name: string,
  text: string | undefined,
  fallback: number,
  [low, high]: [number, number],
) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new UsageError(
      `--${name} is ${JSON.stringify(text)}; allowed: a whole number from ${low} to ${high}.`,
    );
  }
  return value;
}

function parse() {
  const string = { type: 'string' } as const;
  const boolean = { type: 'boolean' } as const;
  const options = { reports: string, seed: string, workers: string, json: boolean, help: boolean };
  try {
    const { values } = parseArgs({ options, strict: true });
    return {
      isHelp: values.help === true,
      isJson: values.json === true,
      reports: wholeNumber('reports', values.reports, 100_000, [1, 10_000_000]),
      seed: wholeNumber('seed', values.seed, 1, [0, 2 ** 31]),
      workers: wholeNumber('workers', values.workers, 2, [1, 64]),
    };
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function runSlice(workerData: Slice): Promise<readonly (readonly [string, Tally])[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./coverage/worker.js', import.meta.url), { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function main(): Promise<void> {
  const { isHelp, isJson, reports, seed, workers } = parse();
  if (isHelp) {
    process.stdout.write(HELP);
    return;
  }
  const began = performance.now();
  const end = seed + reports;
  const size = Math.ceil(reports / workers);
  const slices: Slice[] = [];
  for (let first = seed; first < end; first += size) slices.push({ first, end: Math.min(end, first + size) });
  const tallies = new Tallies();
  for (const entries of await Promise.all(slices.map(runSlice))) {
    for (const [name, tally] of entries) tallies.add(name, tally);
  }
  const seconds = (performance.now() - began) / 1000;
  const run = { reports, seed, seconds, tallies: tallies.entries() };
  process.stdout.write(isJson ? jsonOf(run) : tableOf(run));
}

main().catch((error: unknown) => {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
});
