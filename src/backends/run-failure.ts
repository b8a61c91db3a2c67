import type { Settlement } from '../domain/task-backend.ts';

const MAX_MESSAGE = 1000;
const MAX_STACK = 2000;

/**
 * A run's error as it may be kept in a queue's own record: both products store message and stack with the job, and
 * both grow with every try.
 */
export function shortened(error: Error): Error {
  return asError(new Error(cut(error.message, MAX_MESSAGE)), error);
}

/** Gives an error of another class the shortened message's origin: name and stack. */
export function asError<E extends Error>(target: E, origin: Error): E {
  target.stack = cut(origin.stack ?? `${origin.name}: ${target.message}`, MAX_STACK);
  return target;
}

/** Whether a task ran whose run itself throws is unknown: it must neither be completed nor counted. */
export async function settlementOf(
  run: () => Promise<Settlement>,
  report: (error: unknown) => void,
  delayMs: number,
): Promise<Settlement> {
  try {
    return await run();
  } catch (error) {
    report(error);
    return { kind: 'postpone', delayMs };
  }
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
