import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { type HybridConfig, routingOf, watchConfig } from '../config.ts';
import type { ControlState, RoutingSettings } from '../domain/control-state.ts';
import type { Logger } from '../domain/logger.ts';
import type { ControlPlane } from '../state/control-plane.ts';
import { driftBetween } from './status.ts';

export interface FollowedFile {
  /** The routing section as it was edited last; null: it is as it was at the start. */
  readonly routing: RoutingSettings | null;
  close(): Promise<void>;
}

/**
 * Makes an edit of the config file live while a process runs. Every process that watches the file tries, and they see it
 * at different times: the first one makes it live, for the others it is no news, even if an operator has changed the
 * live state since. A freeze stays: the edit is only told. A file that cannot be watched is only told as well.
 */
export async function followConfigFile(
  file: string,
  plane: ControlPlane,
  actor: string,
  log: Logger,
): Promise<FollowedFile> {
  let edited: RoutingSettings | null = null;
  const makeLive = async (routing: RoutingSettings) => {
    try {
      const change = { ...fileChange(routing), actor, reason: `${file} was edited` };
      const drift = driftBetween(routing, await plane.applyFile({ ...change, onlyIfNew: true }));
      if (drift.length > 0) {
        log.warn(
          { file, drift },
          'The edit was live before and was changed since; that stays. To undo it: hybrid apply --reason "..."',
        );
      }
    } catch (error) {
      log.warn({ file }, `The edit is not live: ${(error as Error).message}`);
    }
  };
  try {
    const watcher = await watchConfig(file, {
      onChange: (routing) => {
        edited = routing;
        void makeLive(routing);
      },
      onProblem: (error) =>
        log.error({ file }, `The edit is not used, the last good state stays. ${error.message}`),
    });
    return {
      get routing() {
        return edited;
      },
      close: () => watcher.close(),
    };
  } catch (error) {
    // Out of watches, or no right to look: everything else works, and a change can still be made with a command.
    log.warn(
      { file },
      `Edits of the config file are not followed; use hybrid apply --reason "...". ${(error as Error).message}`,
    );
    return { routing: null, close: async () => {} };
  }
}

/**
 * Makes a routing section live; does nothing where it is live already.
 * @throws {FrozenError} a rollback is in force
 */
export function applyRouting(
  plane: ControlPlane,
  routing: RoutingSettings,
  why: { readonly actor?: string; readonly reason: string },
): Promise<ControlState> {
  return plane.applyFile({ ...fileChange(routing), ...why, onlyIfNew: false });
}

/** The section with its tasks in one order, so that sections that mean the same have the same text and hash. */
function fileChange(routing: RoutingSettings) {
  const { celeryRatio, mode } = routing;
  const tasks = Object.entries(routing.taskRatios).sort(([a], [b]) => (a < b ? -1 : 1));
  const settings: RoutingSettings = { celeryRatio, mode, taskRatios: Object.fromEntries(tasks) };
  const fileHash = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
  return { settings, fileHash };
}

/**
 * What every process does at its start: says where its config file differs from the live state, which stays, and follows
 * the file from then on.
 * @returns null: it has no file, or is not to follow it
 */
export async function joinLiveState(
  config: HybridConfig,
  plane: ControlPlane,
  log: Logger,
  follow: boolean,
): Promise<FollowedFile | null> {
  const drift = driftBetween(routingOf(config), plane.state);
  if (drift.length > 0 && plane.state.frozen === '') {
    log.warn(
      { drift },
      'The config file differs from the live state, which stays. To make the file live: hybrid apply --reason "..."',
    );
  }
  if (config.file === null || !follow) return null;
  return followConfigFile(config.file, plane, `config:${hostname()}`, log);
}
