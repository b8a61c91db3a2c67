import type { Command } from 'commander';
import type { AuditEntry } from '../../index.ts';
import { type CommonOptions, whole, withPlace } from '../options.ts';
import { print, printJson } from '../output.ts';
import { type Session, withManager } from '../session.ts';
import { table } from '../table.ts';
import { time } from '../words.ts';

interface AuditOptions extends CommonOptions {
  readonly limit: number;
}

const SETTINGS = ['celeryRatio', 'mode', 'taskRatios', 'frozen'] as const;

export function addAudit(program: Command): void {
  const command = program
    .command('audit')
    .description('list who changed the routing, when and why')
    .option('--limit <n>', 'at most this many, newest first', whole(1, 10_000), 20)
    .option('--json', 'print JSON');
  withPlace(command)
    .addHelpText('after', '\nExample:\n  hybrid audit --limit 5')
    .action((options: AuditOptions) =>
      withManager(options, (session) => show(session, options), { toleratesMistakes: true, mustExist: true }),
    );
}

async function show({ manager }: Session, options: AuditOptions): Promise<void> {
  const entries = await manager.audit(options.limit);
  if (options.json) return printJson(entries);
  print(
    table(
      ['When (UTC)', 'Epoch', 'Who', 'What', 'Why'],
      entries.map((e) => [time(e.at), e.after.epoch ?? '', e.actor, whatChanged(e), e.reason]),
    ),
  );
}

function whatChanged({ intent, before, after }: AuditEntry): string {
  const changes = SETTINGS.filter((name) => before[name] !== after[name]).map((name) =>
    before[name] === undefined
      ? `${name} ${shown(after[name])}`
      : `${name} ${shown(before[name])} -> ${shown(after[name])}`,
  );
  return intent === 'change'
    ? changes.join(', ')
    : [intent, ...changes.slice(0, intent === 'init' ? 1 : 0)].join(': ');
}

function shown(value: string | undefined): string {
  return value === undefined || value === '' ? 'none' : value;
}
