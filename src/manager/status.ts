import { type ControlState, type RoutingSettings, ratioFor } from '../domain/control-state.ts';
import type { LedgerCounts, PlainCounts } from '../domain/ledger.ts';
import type { FlagSource } from '../domain/routing-decision.ts';
import { type BackendCounts, movedQueueOf, type TaskBackend } from '../domain/task-backend.ts';
import type { WorkerRecord } from '../domain/worker-record.ts';
import type { Connections } from './connections.ts';

/** A setting whose live value is not the file's. */
export interface Drift {
  readonly setting: string;
  readonly file: number | string | null;
  readonly live: number | string | null;
}

export interface BackendStatus {
  readonly product: string;
  readonly reachable: boolean;
  /** By queue; empty where the backend does not answer. */
  readonly queues: Readonly<Record<string, BackendCounts>>;
}

/** What `hybrid status` shows. */
export interface SystemStatus {
  readonly namespace: string;
  readonly control: ControlState;
  /** The config file's routing section, and where the live state differs from it. */
  readonly file: {
    readonly path: string | null;
    readonly routing: RoutingSettings;
    readonly drift: readonly Drift[];
  };
  readonly backends: { readonly stable: BackendStatus; readonly canary: BackendStatus };
  /** The conservation count (I8) of canary's tasks; `conserved` says that it adds up. */
  readonly ledger: LedgerCounts & { readonly conserved: boolean };
  /** Recorded outcomes of tasks that went to stable at once. */
  readonly plain: PlainCounts;
  readonly parked: number;
  readonly workers: readonly WorkerRecord[];
  readonly flags: ReturnType<FlagSource['describe']>;
}

/** @param routing the config file's routing section as it is now */
export async function readStatus(
  c: Connections,
  flags: FlagSource,
  queues: readonly string[],
  routing: RoutingSettings,
): Promise<SystemStatus> {
  const moved = queues.map(movedQueueOf);
  const [control, counts, parked, workers, stable, canary] = await Promise.all([
    c.plane.refresh(),
    c.ledger.counts(),
    c.ledger.countParked(),
    c.workers.list(),
    backendStatus(c.stable, [...queues, ...moved]),
    backendStatus(c.canary, queues),
  ]);
  const { plain, ...ledger } = counts;
  return {
    namespace: c.config.namespace,
    control,
    file: { path: c.config.file, routing, drift: driftBetween(routing, control) },
    backends: { stable, canary },
    ledger,
    plain,
    parked,
    workers,
    flags: flags.describe(),
  };
}

async function backendStatus(backend: TaskBackend, queues: readonly string[]): Promise<BackendStatus> {
  const { product } = backend;
  try {
    // Also where there is no queue to count; it ends within the command time limit.
    await backend.ready();
    const counts = await Promise.all(
      queues.map(async (queue) => [queue, await backend.counts(queue)] as const),
    );
    return { product, reachable: true, queues: Object.fromEntries(counts) };
  } catch {
    // The answer itself: status is what people look at when a backend is down.
    return { product, reachable: false, queues: {} };
  }
}

/** Where the live state differs from the file's routing section. */
export function driftBetween(file: RoutingSettings, live: RoutingSettings): readonly Drift[] {
  const drift: Drift[] = [];
  if (file.celeryRatio !== live.celeryRatio) {
    drift.push({ setting: 'celeryRatio', file: file.celeryRatio, live: live.celeryRatio });
  }
  if (file.mode !== live.mode) drift.push({ setting: 'mode', file: file.mode, live: live.mode });
  for (const task of new Set([...Object.keys(file.taskRatios), ...Object.keys(live.taskRatios)])) {
    const [inFile, inLive] = [ownRatio(file, task), ownRatio(live, task)];
    // A ratio of its own that is the one it would have anyway changes nothing.
    if (inFile !== inLive && ratioFor(file, task) !== ratioFor(live, task))
      drift.push({ setting: `tasks.${task}.celeryRatio`, file: inFile, live: inLive });
  }
  return drift;
}

function ownRatio(settings: RoutingSettings, task: string): number | null {
  return Object.hasOwn(settings.taskRatios, task) ? (settings.taskRatios[task] ?? null) : null;
}
