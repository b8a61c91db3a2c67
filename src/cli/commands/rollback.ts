import { type Command, Option } from 'commander';
import type { RollbackReport } from '../../index.ts';
import { EXIT, OnlyFrozenError } from '../failure.ts';
import { type CommonOptions, delay, placeArguments, reason, withPlace } from '../options.ts';
import { print, printJson, say } from '../output.ts';
import { isAgreed } from '../question.ts';
import { writeReport } from '../rollback-files.ts';
import { rollbackProgress } from '../rollback-progress.ts';
import { planText, reportText } from '../rollback-text.ts';
import { placeOf, readConfig, type Session, withManager } from '../session.ts';
import { onStopSignals } from '../signals.ts';
import { atPlace } from '../suggested-command.ts';

interface RollbackFlags extends CommonOptions {
  readonly dryRun?: true;
  readonly yes?: true;
  readonly reason: string;
  /** Milliseconds. */
  readonly grace: number;
  readonly plainStable?: true;
  readonly services?: true;
  readonly persist: boolean;
}

const NEEDS = { toleratesMistakes: true, mustExist: true, log: 'error' } as const;
const INTERRUPTED = 130;
/** What the library calls the script. */
const SCRIPT = './rollback.sh';

export function addRollback(program: Command): void {
  const command = program
    .command('rollback')
    .description('freeze, and bring everything that is pending on canary back to stable')
    .addOption(
      new Option('--dry-run', 'show what would happen and change nothing').conflicts([
        'yes',
        'plainStable',
        'services',
        'persist',
      ]),
    )
    .option('--yes', 'do not ask (on a terminal it asks once)')
    .option('--reason <text>', 'why, for the audit log and the report', reason, 'hybrid rollback')
    .addOption(
      new Option('--grace <time>', 'how long running tasks may go on before they are aborted')
        .argParser(delay)
        .default(30_000, '30s'),
    )
    .option(
      '--plain-stable',
      'your stable workers are plain bee-queue: hand the tasks over to the plain queues',
    )
    .option('--services', 'run the commands of `services` in the config: start stable, stop canary')
    .option('--no-persist', 'leave config file, flag file and .env as they are')
    .option('--json', 'print the report as JSON');
  withPlace(command)
    .addHelpText(
      'after',
      `
Nothing new goes to BullMQ from the first step on. Waiting, delayed and failed-and-waiting tasks come back to bee-queue with
what is left of their delay and tries; running ones may finish for --grace and are then aborted through ctx.signal.
Run again after a crash it goes on; two at once do no harm. ./rollback.sh does the same and freezes even where this cannot start.

Exit codes: 0 done and verified, 1 failed (safe to run again), 2 usage, 3 frozen, but something needs a person (named),
130 interrupted.

Examples:
  hybrid rollback --dry-run
  hybrid rollback --reason "p95 doubled"
  hybrid rollback --yes --grace 2m --json`,
    )
    .action(async (flags: RollbackFlags) => {
      process.exitCode = await withManager(flags, (session) => act(session, flags), NEEDS);
    });
}

async function act(session: Session, flags: RollbackFlags): Promise<number> {
  const place = placeOf(session.config);
  if (flags.dryRun) {
    const plan = await session.manager.planRollback();
    if (flags.json) printJson(plan);
    else print(planText(plan, place));
    return EXIT.ok;
  }
  const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
  if (isTerminal && !flags.yes) {
    const agreed = await isAgreed(
      `Stop sending tasks to BullMQ and bring all of ${place} back to bee-queue?`,
    );
    if (!agreed) {
      say('Nothing was changed.');
      return EXIT.usage;
    }
  }
  return rollBack(session, flags, place);
}

/** Without knowing where stable's queues are, tasks would go where nobody takes them. */
async function freezeOnly({ manager }: Session, flags: RollbackFlags, part: string): Promise<never> {
  await manager.freeze({ reason: flags.reason });
  throw new OnlyFrozenError(
    `Frozen: nothing new goes to BullMQ. Nothing was brought back yet, because ${part} in the config has a mistake. ` +
      'Mend it and run this again; workers that run meanwhile bring tasks back by themselves.',
  );
}

async function rollBack(session: Session, flags: RollbackFlags, place: string): Promise<number> {
  const { manager, without } = session;
  const needed = ['stable', ...(flags.services ? ['services'] : [])];
  const missing = needed.find((part) => without.has(part));
  if (missing !== undefined) return freezeOnly(session, flags, missing);
  const other = await otherNamespaceOfFiles(flags);
  if (other !== null && flags.persist)
    say(
      `No file is changed: the config here is of namespace ${other}. Set the ratio to 0 in the one of ${flags.namespace}.`,
    );
  const signals = onStopSignals(() => process.exit(INTERRUPTED));
  if (!flags.json) say(`Rolling back ${place}:`);
  try {
    const found = await manager.rollback({
      reason: flags.reason,
      graceMs: flags.grace,
      plainStable: flags.plainStable === true,
      services: flags.services === true,
      persist: flags.persist && other === null,
      signal: signals.aborted,
      onEvent: flags.json ? () => {} : rollbackProgress(process.stderr.isTTY === true),
    });
    const report = pasteable(found, flags);
    const files = await writeReport(report, place);
    if (flags.json) printJson({ ...report, reports: files });
    else print(reportText(report, place, files));
    return report.status === 'completed' ? EXIT.ok : EXIT.needsPerson;
  } catch (error) {
    if (!signals.aborted.aborted) throw error;
    say(
      `Interrupted. Frozen: nothing new goes to BullMQ. Workers go on bringing back what it holds; to go on here: ${sameAgain(flags)}`,
    );
    if (flags.json) printJson({ status: 'interrupted', frozen: true, command: sameAgain(flags) });
    return INTERRUPTED;
  } finally {
    signals.release();
  }
}

/** The namespace that the files here are of, where another one was typed; null: they are of the same, or cannot be read. */
async function otherNamespaceOfFiles({ namespace, ...rest }: RollbackFlags): Promise<string | null> {
  if (namespace === undefined) return null;
  const own = await readConfig(rest).catch(() => null);
  return own === null || own.namespace === namespace ? null : own.namespace;
}

/** What to type to go on: rollback.sh says how it was called. */
function sameAgain(flags: RollbackFlags): string {
  return process.env.HYBRID_SAME_AGAIN ?? `npx hybrid rollback --yes${placeArguments(flags)}`;
}

/** The library knows neither how the script was called nor which place was named. */
function pasteable(report: RollbackReport, flags: RollbackFlags): RollbackReport {
  const [again, place] = [sameAgain(flags), placeArguments(flags)];
  const pasteableCommand = (command: string) =>
    command.startsWith(SCRIPT) ? `${again}${command.slice(SCRIPT.length)}` : atPlace(command, place);
  const problems = report.problems.map((problem) =>
    problem.command === null ? problem : { ...problem, command: pasteableCommand(problem.command) },
  );
  return { ...report, problems };
}
