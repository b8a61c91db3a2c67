import { type Command, Option } from 'commander';
import type { BackendName, SubmitOptions } from '../../index.ts';
import { requireTask } from '../app-module.ts';
import { UsageError } from '../failure.ts';
import { parseJson, readLines, readText } from '../json-input.ts';
import { type CommonOptions, delay, seconds, whole, withApp } from '../options.ts';
import { withManager } from '../session.ts';
import { submitLines, submitOne } from '../submissions.ts';

interface SubmitFlags extends CommonOptions {
  readonly data?: string;
  readonly file?: string;
  readonly lines?: true;
  readonly stickyKey?: string;
  readonly idempotencyKey?: string;
  readonly backend?: BackendName;
  readonly delay?: number;
  readonly priority?: number;
  readonly id?: string;
  /** Milliseconds, or without a number. */
  readonly wait?: number | true;
}

const DEFAULT_WAIT_MS = 60_000;

export function addSubmit(program: Command): void {
  const command = program
    .command('submit')
    .description('submit tasks; prints id, backend and why')
    .argument('<task>', "the task's name")
    .option('--data <json>', 'the payload')
    .option('--file <file>', 'a file with the payload, or .jsonl with one per line; - is standard input')
    .option('--lines', 'the file has one payload per line, whatever its name is')
    .option('--sticky-key <key>', 'submissions with one key go to one backend')
    .option('--idempotency-key <key>', 'a second submission with this key is the first one')
    .addOption(new Option('--backend <name>', 'name the backend, for a test').choices(['stable', 'canary']))
    .option('--delay <time>', 'start no earlier than after 500ms, 10s, 5m, 2h or 1d', delay)
    .option(
      '--priority <n>',
      '1 (first) to 2097151 (last); only canary knows priorities',
      whole(1, 2_097_151),
    )
    .option('--id <id>', 'repeat a submission that ended in E_UNKNOWN, under its id')
    .addOption(
      new Option(
        '--wait [seconds]',
        'wait so long (60) for the result and print it; exit code 1 if the task fails',
      ).argParser(seconds(0.001, 86_400)),
    )
    .option('--json', 'print JSON; with several lines one document per line');
  withApp(command)
    .addHelpText(
      'after',
      `
With lines: one that is not taken is told with its number, the others go on, and the exit code is 1.

Examples:
  hybrid submit generate-metadata --data '{"chunkId":"c1"}' --sticky-key doc-1 --wait
  hybrid submit generate-metadata --file chunks.jsonl
  jq -c '.[]' chunks.json | hybrid submit generate-metadata --file - --lines`,
    )
    .action(submit);
}

async function submit(name: string, flags: SubmitFlags): Promise<void> {
  const isLines = checkUsage(flags);
  const { data, file = '' } = flags;
  // Before anything is connected: a mistake in the payload needs no Redis.
  const payload = data === undefined ? undefined : parseJson(data, '--data');
  process.exitCode = await withManager(
    flags,
    async ({ manager, tasks }) => {
      const task = requireTask(tasks, name);
      const asJson = flags.json === true;
      const plan = { manager, task, options: submitOptions(flags), waitMs: waitMsOf(flags), asJson };
      if (isLines) return submitLines(plan, readLines(file));
      return submitOne(plan, data === undefined ? parseJson(await readText(file), shown(file)) : payload);
    },
    { tasks: 'needed', flags: true, mayStartRedis: true },
  );
}

/** @returns whether the input is a file of lines */
function checkUsage({ data, file, lines, idempotencyKey, id }: SubmitFlags): boolean {
  if ((data === undefined) === (file === undefined)) {
    throw new UsageError("Give the payload: either --data '{...}' or --file FILE.");
  }
  if (lines && file === undefined) throw new UsageError('--lines is for --file.');
  const isLines = lines === true || /\.(jsonl|ndjson)$/i.test(file ?? '');
  const single = idempotencyKey === undefined ? (id === undefined ? null : '--id') : '--idempotency-key';
  if (isLines && single !== null) {
    throw new UsageError(
      `${single} is for one submission; with one for each line all lines would be one task.`,
    );
  }
  return isLines;
}

function submitOptions({
  stickyKey,
  idempotencyKey,
  backend,
  delay: delayMs,
  priority,
  id,
}: SubmitFlags): SubmitOptions {
  return {
    ...(stickyKey === undefined ? {} : { stickyKey }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(backend === undefined ? {} : { backend }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(priority === undefined ? {} : { priority }),
    ...(id === undefined ? {} : { id }),
  };
}

function waitMsOf({ wait }: SubmitFlags): number | null {
  if (wait === undefined) return null;
  return wait === true ? DEFAULT_WAIT_MS : wait;
}

function shown(file: string): string {
  return file === '-' ? 'Standard input' : file;
}
