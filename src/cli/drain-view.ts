import type { DrainLook, DrainProgress, DrainReport } from '../index.ts';
import { table } from './table.ts';
import { ago, count, duration, plural, time } from './words.ts';

/** One line of what a look has found, the same as long as nothing changes. */
export function drainLine({ look, problem, emptyForMs }: DrainProgress, quietMs: number): string {
  if (problem !== null) return `${problem} Looking again.`;
  if (look === null) return 'Nothing is known yet.';
  if (!look.canaryReachable) return 'Canary does not answer: until it does, new tasks go to stable.';
  if (emptyForMs !== null) return `Empty; waiting whether it stays so for ${duration(quietMs)}.`;
  const where = Object.entries({ ...look.queues, ...look.copies }).flatMap(([queue, counts]) => {
    const { waiting, active, delayed } = counts;
    const parts = amounts({ waiting, active, delayed });
    return parts === '' ? [] : [`${queue}: ${parts}`];
  });
  const moved = look.openMoved > 0 ? [`${plural(look.openMoved, 'moved task')} open`] : [];
  return [...where, ...moved].join('; ');
}

/**
 * By name what holds it up; '' if nothing does.
 * @param options what a command that it names needs to act on the same place
 */
export function drainDetails(look: DrainLook | null, options = ''): string {
  if (look === null) return '';
  const parts: string[] = [];
  for (const queue of look.unattended) {
    const worker = `a plain bee-queue worker, or: hybrid worker --backend stable${options}`;
    parts.push(`No live worker of this library takes from ${queue}. It needs ${worker}`);
  }
  const copies = copiesLeft(look);
  if (copies > 0) {
    parts.push(
      `In ${Object.keys(look.copies).join(', ')}: ${plural(copies, 'copy', 'copies')}, made to compare both backends' results. Copies are ` +
        "nobody's work: if only they are left, they may be thrown away with bee-queue. A worker of stable runs them, and " +
        'any worker ends them soon after parity.deadlineSeconds.',
    );
  }
  if (look.delayed.length > 0) {
    const rows = look.delayed.map(({ queue, id, task, dueAt }) => [
      queue,
      id,
      task ?? 'not said',
      dueAt > look.at ? `in ${duration(dueAt - look.at)}` : 'now',
      time(dueAt),
    ]);
    parts.push(`Delayed, the last ones:\n${table(['Queue', 'Id', 'Task', 'due', 'Due (UTC)'], rows)}`);
  }
  if (look.active.length > 0) {
    const rows = look.active.map(({ queue, id, task, seenSince, enqueuedAt }) => [
      queue,
      id,
      task ?? 'not said',
      duration(look.at - seenSince),
      enqueuedAt === null ? 'unknown' : ago(enqueuedAt, look.at),
    ]);
    parts.push(`Running:\n${table(['Queue', 'Id', 'Task', 'seen for', 'Submitted'], rows)}`);
  }
  return parts.join('\n\n');
}

/** The last line: the verdict, and exactly what it says. */
export function drainVerdict({ verdict, look, quietMs, waitedMs, problem }: DrainReport): string {
  if (verdict !== 'drained' || look === null) {
    const why = verdict === 'timeout' ? 'Not drained' : 'Stopped before it was drained,';
    return `${why} after ${duration(waitedMs)}: ${problem ?? remaining(look)}`;
  }
  const queues = plural(Object.keys(look.queues).length, 'known queue');
  const kept =
    look.kept.failed > 0
      ? `bee-queue keeps ${plural(look.kept.failed, 'failed job')} there; they hold nothing up.\n`
      : '';
  return (
    `${kept}Drained: for ${duration(quietMs)} no job of ${queues} was waiting, active or delayed, no copy of one either, and no moved task was open.\n` +
    'Not proved: a plain bee-queue producer, or a submission that names stable, can still add one.'
  );
}

function remaining(look: DrainLook | null): string {
  if (look === null) return 'nothing was seen.';
  if (!look.canaryReachable) return 'canary does not answer, so new tasks go to stable.';
  if (look.isEmpty) return 'it was empty, but not for long enough.';
  const sum = { waiting: 0, active: 0, delayed: 0 };
  for (const { waiting, active, delayed } of Object.values(look.queues)) {
    sum.waiting += waiting;
    sum.active += active;
    sum.delayed += delayed;
  }
  const moved = look.openMoved > 0 ? [`${plural(look.openMoved, 'moved task')} open`] : [];
  const copies = copiesLeft(look);
  const throwable = copies > 0 ? [`${plural(copies, 'copy', 'copies')}, which may be thrown away`] : [];
  return `${[amounts(sum), ...moved, ...throwable].filter((part) => part !== '').join(', ')}.`;
}

function copiesLeft({ copies }: DrainLook): number {
  return Object.values(copies).reduce((sum, each) => sum + each.waiting + each.active + each.delayed, 0);
}

function amounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, n]) => n > 0)
    .map(([what, n]) => `${count(n)} ${what}`)
    .join(', ');
}
