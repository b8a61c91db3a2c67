import type { WorkerEvent, WorkerListener } from '../domain/events.ts';
import type { Logger } from '../domain/logger.ts';

/** Tells the log and the listener of what happens to tasks. A listener that throws disturbs nobody. */
export function eventTeller(log: Logger, listener: WorkerListener | undefined): (event: WorkerEvent) => void {
  return (event) => {
    tell(log, event);
    try {
      listener?.(event);
    } catch (error) {
      log.error({ event: event.type }, `a listener threw: ${(error as Error).message}`);
    }
  };
}

/** What went wrong is told; the message of a handler's error is not, it may hold what the payload held. */
function tell(log: Logger, event: WorkerEvent): void {
  if (event.type === 'failed') log.warn(event, `failed; to see why: hybrid task ${event.id}`);
  else if (event.type === 'parked') log.error(event, 'parked: it keeps losing its workers');
  else if (event.type === 'retrying' || event.type === 'fenced') log.info(event, event.type);
  else log.debug(event, event.type);
}
