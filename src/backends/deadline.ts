/** A timer as a promise to race against. */
export interface Deadline {
  readonly passed: Promise<'late'>;
  cancel(): void;
}

export function deadlineOf(afterMs: number): Deadline {
  const { promise, resolve } = deferred<'late'>();
  const timer = setTimeout(() => resolve('late'), afterMs);
  return { passed: promise, cancel: () => clearTimeout(timer) };
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

/** Promise.withResolvers, which Node 20 lacks. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((given) => {
    resolve = given;
  });
  return { promise, resolve };
}
