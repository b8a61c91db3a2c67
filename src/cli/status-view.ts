import type { BackendStatus, RoutingSettings, SystemStatus } from '../index.ts';
import { colors } from './output.ts';
import { labelled, table } from './table.ts';
import { ago, count, duration, pairs, plural, shortPath } from './words.ts';

/** The file's routing is null where it has a mistake. */
export type ShownStatus = Omit<SystemStatus, 'file'> & {
  readonly file: Omit<SystemStatus['file'], 'routing'> & { readonly routing: RoutingSettings | null };
};

/**
 * The state of the whole system on one screen, the most urgent first.
 * @param options what the commands that it names need to act on the same place
 */
export function statusView(status: ShownStatus, place: string, options = '', now = Date.now()): string {
  const parked = `${count(status.parked)}, see: hybrid parked${options}`;
  const parts = [
    alarm(status, options),
    labelled([
      ['Ratio', ratioText(status)],
      ['Changed', changeText(status, now)],
      ['File', fileText(status, options)],
      ['Flags', flagsText(status)],
      ['Ledger', ledgerText(status)],
      ['Results', resultsText(status)],
      ['Parked', status.parked === 0 ? '0' : colors.yellow(parked)],
    ]),
    queuesView(status),
    workersView(status, options, now),
  ];
  return [colors.bold(place), ...parts].filter((part) => part !== '').join('\n\n');
}

function alarm({ control, backends }: ShownStatus, options: string): string {
  const alarms: string[] = [];
  if (control.frozen !== '') {
    const lift = `hybrid resume --reason "..."${options} lifts it`;
    alarms.push(`FROZEN: nothing new goes to canary. ${lift}`);
  }
  for (const name of ['stable', 'canary'] as const) {
    if (!backends[name].reachable) alarms.push(`${name} (${backends[name].product}) does not answer`);
  }
  return alarms.map((text) => colors.red(colors.bold(text))).join('\n');
}

function ratioText({ control }: ShownStatus): string {
  const own = Object.keys(control.taskRatios).length > 0 ? ` (${pairs(control.taskRatios)})` : '';
  const mode = control.mode === 'flag' ? 'flag: the ratio counts where no flag answers' : 'ratio';
  return `${colors.bold(String(control.celeryRatio))} of submissions to canary${own}, mode ${mode}, epoch ${control.epoch}`;
}

function changeText({ control }: ShownStatus, now: number): string {
  return `${ago(control.updatedAt, now)} by ${control.updatedBy}: ${control.reason}`;
}

function fileText({ file, control }: ShownStatus, options: string): string {
  const name = file.path === null ? 'none, built-in defaults' : shortPath(file.path);
  if (file.routing === null) return colors.yellow(`${name}: its routing section has a mistake`);
  if (file.drift.length === 0) return `${name}, the same as live`;
  const differences = file.drift.map(
    ({ setting, file: inFile, live }) => `${setting} ${inFile ?? 'none'} (live ${live ?? 'none'})`,
  );
  const apply = `hybrid apply --reason "..."${options}`;
  const advice = control.frozen === '' ? `. To make it live: ${apply}` : '';
  return colors.yellow(`${name} says ${differences.join(', ')}${advice}`);
}

function flagsText({ flags, control }: ShownStatus): string {
  if (flags.source === 'off') return 'off';
  const problem = flags.problem === undefined ? '' : `: ${flags.problem.replace(/\s*\n\s*/g, ' ')}`;
  const text = `${flags.source}, ${flags.state}${problem}`;
  return flags.state === 'ready' || control.mode === 'ratio' ? text : colors.yellow(text);
}

function ledgerText({ ledger }: ShownStatus): string {
  const conserved = ledger.conserved ? colors.green('conserved: yes') : colors.red('conserved: no');
  const accepted = `${count(ledger.accepted)} accepted = `;
  const ends = `${count(ledger.succeeded)} succeeded + ${count(ledger.failed)} failed + ${count(ledger.cancelled)} cancelled`;
  const first = `${accepted}${ends} + ${count(ledger.reassigned)} moved + ${count(ledger.openCanary)} open`;
  if (ledger.reassigned === 0) return `${conserved}; ${first}`;
  const { movedSucceeded, movedFailed, movedCancelled, handedOver, openMoved } = ledger;
  const finished = movedSucceeded + movedFailed + movedCancelled;
  const handed = handedOver === 0 ? '' : `, ${count(handedOver)} handed over`;
  return `${conserved}; ${first}; of the moved ${count(finished)} finished${handed}, ${count(openMoved)} open`;
}

/** Outcomes of what went to stable at once; the ledger counts canary's. */
function resultsText({ plain }: ShownStatus): string {
  return `stable: ${count(plain.succeeded)} succeeded, ${count(plain.failed)} failed, ${count(plain.cancelled)} cancelled`;
}

const COUNTED = ['waiting', 'active', 'delayed', 'succeeded', 'failed'] as const;

function queuesView({ backends, ledger }: ShownStatus): string {
  const { stable, canary } = backends;
  const queues = new Set([...Object.keys(stable.queues), ...Object.keys(canary.queues)].map(taskQueueOf));
  if (queues.size === 0) {
    return colors.dim('No queue is known yet: no process with tasks has connected here.');
  }
  const rows = [...queues].sort().flatMap((queue) => [
    rowOf(queue, 'stable', stable.queues[queue]),
    // Empty as long as nothing was ever moved.
    ledger.reassigned > 0 ? rowOf(queue, 'stable, moved', stable.queues[`${queue}${MOVED}`]) : [],
    rowOf(queue, 'canary', canary.queues[queue]),
  ]);
  return table(
    ['Queue', 'Backend', ...COUNTED],
    rows.filter((row) => row.length > 0),
  );
}

const MOVED = '.moved';

function taskQueueOf(queue: string): string {
  return queue.endsWith(MOVED) ? queue.slice(0, -MOVED.length) : queue;
}

function rowOf(queue: string, name: string, counts: BackendStatus['queues'][string] | undefined) {
  return counts === undefined ? [] : [queue, name, ...COUNTED.map((what) => counts[what])];
}

function workersView({ workers }: ShownStatus, options: string, now: number): string {
  if (workers.length === 0) return colors.yellow(`No worker is running: hybrid worker${options}`);
  const rows = workers.map((w) => [
    `${w.host} ${w.pid}`,
    w.backends.join(', '),
    w.queues.length > 3 ? plural(w.queues.length, 'queue') : w.queues.join(', '),
    w.running,
    w.concurrency,
    duration(now - w.startedAt),
    ago(w.seenAt, now),
  ]);
  return table(['Worker', 'Backends', 'Queues', 'running', 'at once', 'up', 'seen'], rows);
}
