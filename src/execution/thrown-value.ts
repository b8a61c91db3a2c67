import { HybridTaskError, show } from '../domain/errors.ts';
import type { OutcomeError } from '../domain/outcome.ts';

/** What is stored of a thrown value. Never the value itself: it may hold the payload or refer to itself. */
export function describeThrown(thrown: unknown): OutcomeError {
  if (thrown instanceof HybridTaskError) {
    return { name: thrown.name, message: thrown.message, code: thrown.code };
  }
  // By shape and not by instanceof: an error may come from another realm.
  if (
    typeof thrown === 'object' &&
    thrown !== null &&
    'message' in thrown &&
    typeof thrown.message === 'string'
  ) {
    const { name, code } = thrown as { name?: unknown; code?: unknown };
    return {
      name: typeof name === 'string' ? name : 'Error',
      message: thrown.message.slice(0, 4096),
      ...(typeof code === 'string' ? { code } : {}),
    };
  }
  const what = typeof thrown === 'object' && thrown !== null ? 'an object that is no Error' : show(thrown);
  return { name: 'NonError', message: `The handler threw ${what}.`, code: 'E_NON_ERROR_THROWN' };
}
