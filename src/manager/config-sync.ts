import { watchConfig } from '../config.ts';
import type { ControlState, RoutingSettings } from '../domain/control-state.ts';
import { ControlConflictError, FrozenError } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import type { ControlPlane } from '../state/control-plane.ts';
import { driftBetween } from './status.ts';

export interface FollowedFile {
  /** The routing section as it was edited last; null: it is as it was at the start. */
  readonly routing: RoutingSettings | null;
  close(): Promise<void>;
}

/**
 * Makes an edit of the config file live while a process runs. Every process that watches the file tries; the first one
 * wins, the others find it done. A freeze stays: the edit is only told.
 */
export async function followConfigFile(
  file: string,
  plane: ControlPlane,
  actor: string,
  log: Logger,
): Promise<FollowedFile> {
  let edited: RoutingSettings | null = null;
  const watcher = await watchConfig(file, {
    onChange: (routing) => {
      edited = routing;
      applyRouting(plane, routing, { actor, reason: `${file} was edited` }).catch((error: unknown) => {
        log.warn({ file }, `The edit is not live: ${(error as Error).message}`);
      });
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
}

/**
 * Makes a routing section live; does nothing where it is live already.
 * @throws {FrozenError} a rollback is in force
 */
export async function applyRouting(
  plane: ControlPlane,
  routing: RoutingSettings,
  why: { readonly actor?: string; readonly reason: string },
): Promise<ControlState> {
  for (;;) {
    const { state } = plane;
    if (driftBetween(routing, state).length === 0) return state;
    if (state.frozen !== '') throw new FrozenError('a change of the routing');
    try {
      return await plane.change({ settings: routing, expectedEpoch: state.epoch, ...why });
    } catch (error) {
      // Somebody was first: with the same edit, as a rule.
      if (!(error instanceof ControlConflictError)) throw error;
      await plane.refresh();
    }
  }
}
