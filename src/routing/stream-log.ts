import type { LDLogger } from 'launchdarkly-node-server-sdk';

/**
 * Takes the SDK's log lines, so that it prints nothing by itself: warnings and errors are problems, the rest is dropped.
 *
 * The SDK tells only its log that the stream to the service is broken or there again, so that is read here. The
 * sentences are the SDK's own; the integration test of the stream fails if they change.
 */
export function createStreamLog(onProblem: (message: string) => void): {
  readonly logger: LDLogger;
  /** Why the stream is broken; null while it is open or was never tried. */
  readonly streamProblem: () => string | null;
} {
  let streamProblem: string | null = null;
  let last = '';
  const problem = (...parts: unknown[]): void => {
    const message = `LaunchDarkly: ${parts.map(String).join(' ')}`;
    if (message.includes('streaming request')) streamProblem = message;
    // A connection that is down is tried again and again, with the same words.
    if (message === last) return;
    last = message;
    onProblem(message);
  };
  return {
    logger: {
      error: problem,
      warn: problem,
      info(...parts) {
        if (!String(parts[0]).startsWith('Opened LaunchDarkly stream')) return;
        streamProblem = null;
        last = '';
      },
      debug() {},
    },
    streamProblem: () => streamProblem,
  };
}
