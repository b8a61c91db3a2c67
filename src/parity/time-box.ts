import { createContext, Script } from 'node:vm';

/** What came of running somebody's code. */
export type Boxed<T> =
  | { readonly end: 'returned'; readonly value: T }
  | { readonly end: 'threw'; readonly thrown: unknown }
  | { readonly end: 'stopped' };

// `timeout` of a vm script stops whatever runs below the script, so also a function from outside that it calls. A context
// of its own, because the function has to be handed over as a global.
const box: { work: (() => void) | null } = { work: null };
createContext(box);
const call = new Script('work()', { filename: 'time-box' });

/**
 * Runs code that may never return. After `limitMs` it is stopped wherever it is: in an endless loop, in a regular
 * expression that backtracks for ever, in a `catch` that swallows everything; its `finally` blocks do not run. A single
 * blocking call into the system (a synchronous read) ends only by itself. The clock is the wall's: a process that was
 * itself held up for so long has used up the time.
 *
 * It costs a thread per call, some tens of microseconds: not for code of our own. Never throws.
 */
export function runInTimeBox<T>(work: () => T, limitMs: number): Boxed<T> {
  let boxed: Boxed<T> = { end: 'stopped' };
  box.work = () => {
    // What stops a script cannot be caught, so that what is caught here was thrown by the work itself.
    try {
      boxed = { end: 'returned', value: work() };
    } catch (thrown) {
      boxed = { end: 'threw', thrown };
    }
  };
  try {
    call.runInContext(box, { timeout: limitMs });
  } catch {
    return { end: 'stopped' };
  } finally {
    box.work = null;
  }
  return boxed;
}
