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

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}
