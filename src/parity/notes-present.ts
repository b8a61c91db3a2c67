import type { ControlState } from '../domain/control-state.ts';
import type { ComparisonReport } from '../domain/report.ts';
import type { BackendName } from '../domain/task.ts';
import { timestamp } from '../domain/wording.ts';
import type { WorkerRecord } from '../domain/worker-record.ts';
import { headlineWith } from './headline.ts';
import { named } from './notes.ts';

const BACKENDS: readonly BackendName[] = ['stable', 'canary'];

/** How things stand as the report is made, which no figure tells. */
export interface Present {
  readonly control: ControlState;
  /** The live ones. */
  readonly workers: readonly WorkerRecord[];
  /** The only tasks that the report is about; absent: all. */
  readonly tasks?: readonly string[] | undefined;
}

/** What keeps a backend without figures. */
interface Standstill {
  /** For the headline. */
  readonly short: string;
  /** One sentence, with what to type next. */
  readonly note: string;
}

/**
 * The report with why a backend has no figures: a freeze, or nobody who runs its tasks. Of a window in the past only a
 * freeze that began in it is told, because who ran then is not known.
 */
export function withPresent(report: ComparisonReport, present: Present): ComparisonReport {
  const reachesNow = report.window.to >= report.at;
  const { frozen, updatedAt } = present.control;
  const isFrozen = frozen !== '' && (reachesNow || updatedAt < report.window.to);
  const found = [
    ...(isFrozen ? [freezeOf(report, present)] : []),
    ...(reachesNow ? missingWorkers(report, present) : []),
  ];
  const [first] = found;
  if (first === undefined) return report;
  return {
    ...report,
    frozenSince: isFrozen ? updatedAt : null,
    headline: headlineWith(report, first.short),
    notes: [...found.map(({ note }) => note), ...report.notes],
  };
}

function freezeOf(report: ComparisonReport, { control }: Present): Standstill {
  const { mode, updatedAt } = control;
  const options = report.commandOptions ?? '';
  // A freeze leaves a ratio of 0 behind; in flag mode the flags decide again.
  const then = mode === 'flag' ? '' : `, then hybrid ratio NEW --reason "..."${options}`;
  const since = timestamp(updatedAt);
  return {
    short: `frozen since ${since}`,
    note: `Frozen since ${since}: nothing new goes to canary, no copies either. To go on: hybrid resume --reason "..."${options}${then}`,
  };
}

/** A backend that nothing waits for, and that no verdict lacks figures of, needs no worker. */
function missingWorkers(report: ComparisonReport, { workers, tasks }: Present): Standstill[] {
  const wantedOf = (backend: BackendName): readonly string[] =>
    report.tasks.length === 0 ? (tasks ?? []) : tasksWanting(report, backend);
  const lacking = BACKENDS.flatMap((backend) => {
    const own = workers.filter(({ backends }) => backends.includes(backend));
    const wanted = wantedOf(backend);
    const left = wanted.filter((task) => !own.some((worker) => worker.tasks.includes(task)));
    const isWanted = report.tasks.length === 0 || wanted.length > 0;
    return isWanted && (own.length === 0 || left.length > 0) ? [{ backend, own, left }] : [];
  });
  const when = `as of ${timestamp(report.at)}`;
  const options = report.commandOptions ?? '';
  if (workers.length === 0 && lacking.length > 0) {
    const note = `No worker is running (${when}), so nothing is run or counted. To start one: hybrid worker${options}`;
    return [{ short: 'no worker is running', note }];
  }
  return lacking.map(({ backend, own, left }) => {
    const whose = own.length === 0 ? `${backend}'s tasks` : `${named(left)} on ${backend}`;
    const plainOnes = backend === 'stable' ? ' (what plain bee-queue workers run is not counted)' : '';
    return {
      short: `no worker takes ${whose}`,
      note: `No worker takes ${whose} (${when}), so ${backend} gets no figures of them${plainOnes}. To start one that has them: hybrid worker --backend ${backend}${options}`,
    };
  });
}

function tasksWanting({ tasks }: ComparisonReport, backend: BackendName): readonly string[] {
  return tasks
    .filter(({ verdict, backends }) => {
      const { assigned, shadow } = backends[backend].unfinished;
      return verdict === null || verdict === 'inconclusive' || assigned + shadow > 0;
    })
    .map(({ task }) => task);
}
