import { init, type LDClient, type LDOptions } from 'launchdarkly-node-server-sdk';
import { InvalidConfigError, show } from '../domain/errors.ts';
import type { FlagAnswer, FlagContext, FlagSource, FlagValue } from '../domain/routing-decision.ts';
import { type FlagFileSource, openFlagFile } from './flag-file-source.ts';
import { CONTEXT_KIND } from './flag-schema.ts';
import { createStreamLog } from './stream-log.ts';

/** The flag for all tasks that have none of their own. */
export const GLOBAL_FLAG_KEY = 'hybrid-canary';

/** The flag of one task: `hybrid-<task>`. */
export function flagKeyOf(task: string): string {
  return `hybrid-${task}`;
}

export interface FlagSourceOptions {
  /** `off`: no flags, no SDK. `file`: a local flag file, no network. `launchdarkly`: the service. */
  readonly source: 'off' | 'file' | 'launchdarkly';
  /** For `launchdarkly`: the server-side SDK key. */
  readonly sdkKey?: string | undefined;
  /** For `file`: path of a flag file in LaunchDarkly's format. */
  readonly file?: string | undefined;
  /** The key of a task's own flag. @default flagKeyOf: `hybrid-<task>` */
  readonly flagKeyFor?: ((task: string) => string) | undefined;
  /** The flag that answers for a task whose own flag does not exist. @default GLOBAL_FLAG_KEY: `hybrid-canary` */
  readonly globalFlagKey?: string | undefined;
  /** How long the start waits for the first flags, in milliseconds. @default 2000 */
  readonly initTimeoutMs?: number | undefined;
  /** How often the flag file is looked at, in milliseconds. @default 500 */
  readonly filePollMs?: number | undefined;
  /** Told once of each problem, in a sentence without secrets or context data. Must not throw. */
  readonly onProblem: (message: string) => void;
  /** Other addresses for the service: a relay proxy, or a test's server. @default LaunchDarkly's own */
  readonly baseUri?: string | undefined;
  readonly streamUri?: string | undefined;
  readonly eventsUri?: string | undefined;
}

/**
 * Opens the source of flag answers. Every answer is found in memory: nothing here waits for the network or the disk.
 *
 * A task's own flag answers if it exists, else the global one; a flag that exists and has no usable value (allowed:
 * a boolean, "stable", "canary", a number from 0 to 1) is reported once and answers null: the ratio decides. A flag
 * that is gone is no fault, the next one answers. While the service or the file cannot be read, the last rules that
 * were received are evaluated (`last-known`), so every sticky key keeps its answer. Before the first rules: null.
 *
 * Rules and percentage rollouts see a context of the kind `task`: `key` is the sticky key, then `name` and `task`,
 * `queue`, and the caller's attributes. Set a rollout's context kind to `task`: for LaunchDarkly's default, `user`,
 * it finds no key and serves its first variation to everybody.
 *
 * Resolves within `initTimeoutMs`, with or without flags; the source then goes on trying by itself.
 *
 * @throws {InvalidConfigError} no file or no usable SDK key given, or a flag file that is broken
 */
export async function createFlagSource(options: FlagSourceOptions): Promise<FlagSource> {
  if (options.source === 'off') return OFF;
  const { client, problem, file } =
    options.source === 'file' ? await openFile(options) : openService(options);
  // Errors come through the logger and the evaluation's reason; an `error` event without a listener is logged.
  client.on('error', () => {});
  await firstFlags(client, options);
  file?.watch();

  const keyFor = options.flagKeyFor ?? flagKeyOf;
  const globalKey = options.globalFlagKey ?? GLOBAL_FLAG_KEY;
  const complain = once(options.onProblem);
  const absent = trackAbsentFlags(client);
  let closing: Promise<void> | null = null;

  /** undefined: there is no such flag. null: there is one, without a usable answer. */
  const ask = async (key: string, context: FlagContext): Promise<FlagAnswer | null | undefined> => {
    if (absent.has(key)) return undefined;
    const revision = absent.revision();
    const { value, reason } = await client.variationDetail(key, contextOf(context), null);
    if (reason.kind === 'ERROR') {
      if (reason.errorKind === 'FLAG_NOT_FOUND') {
        absent.add(key, revision);
        return undefined;
      }
      complain(`Flag ${key} has no answer: LaunchDarkly says ${reason.errorKind}. The ratio decides.`);
      return null;
    }
    if (value === null || value === undefined) return null;
    if (isFlagValue(value)) return { key, value, source: problem() === null ? 'live' : 'last-known' };
    const given = typeof value === 'object' ? 'an object or a list' : show(value);
    complain(
      `Flag ${key} says ${given}; allowed: true, false, "stable", "canary" or a number from 0 to 1. The ratio decides.`,
    );
    return null;
  };

  return {
    async evaluate(context) {
      if (closing !== null || !client.initialized()) return null;
      try {
        const own = await ask(keyFor(context.task), context);
        return own === undefined ? ((await ask(globalKey, context)) ?? null) : own;
      } catch (error) {
        complain(
          `Flags cannot be evaluated (${error instanceof Error ? error.name : typeof error}). The ratio decides.`,
        );
        return null;
      }
    },
    describe() {
      const trouble = problem();
      const isReady = client.initialized() && (file?.hasRules() ?? true);
      const state = isReady ? 'ready' : trouble === null ? 'initialising' : 'unavailable';
      return { source: options.source, state, ...(trouble === null ? {} : { problem: trouble }) };
    },
    close() {
      closing ??= closeClient(client, file);
      return closing;
    },
  };
}

const OFF: FlagSource = {
  evaluate: async () => null,
  describe: () => ({ source: 'off', state: 'ready' }),
  close: async () => {},
};

interface Opened {
  readonly client: LDClient;
  /** Why the newest flags may not be known here; null while all is well. */
  readonly problem: () => string | null;
  readonly file?: FlagFileSource;
}

async function openFile(options: FlagSourceOptions): Promise<Opened> {
  if (!options.file)
    throw new InvalidConfigError('The flag source', [{ path: 'file', given: 'nothing', allowed: 'a path' }]);
  const { filePollMs: pollMs = 500, onProblem } = options;
  const file = await openFlagFile(options.file, { pollMs, onProblem });
  const client = init('no-key-for-a-local-file', {
    logger: createStreamLog(onProblem).logger,
    sendEvents: false,
    diagnosticOptOut: true,
    updateProcessor: file.updateProcessor,
  });
  return { client, problem: file.problem, file };
}

function openService(options: FlagSourceOptions): Opened {
  const { sdkKey, onProblem } = options;
  // Never shown: it is a secret. A line break in it would make the SDK throw it back in an error.
  if (!sdkKey || !/^[\x21-\x7e]+$/.test(sdkKey)) {
    const given = sdkKey ? 'a value with spaces or other characters that no key has' : 'nothing';
    throw new InvalidConfigError('The flag source', [
      { path: 'sdkKey', given, allowed: "the environment's server-side SDK key from LaunchDarkly" },
    ]);
  }
  const log = createStreamLog(onProblem);
  const addresses: LDOptions = {
    ...(options.baseUri === undefined ? {} : { baseUri: options.baseUri }),
    ...(options.streamUri === undefined ? {} : { streamUri: options.streamUri }),
    ...(options.eventsUri === undefined ? {} : { eventsUri: options.eventsUri }),
  };
  return { client: init(sdkKey, { ...addresses, logger: log.logger }), problem: log.streamProblem };
}

async function firstFlags(client: LDClient, options: FlagSourceOptions): Promise<void> {
  const { initTimeoutMs = 2000 } = options;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    client.once('ready', resolve);
    client.once('failed', resolve);
    timer = setTimeout(() => {
      options.onProblem(
        `No feature flags after ${initTimeoutMs} ms. The ratio decides until they are there; connecting goes on.`,
      );
      resolve();
    }, initTimeoutMs);
  });
  clearTimeout(timer);
}

/**
 * Remembers which flags do not exist, because asking the SDK for one of those costs three times as much as for
 * one that exists and most tasks have no flag of their own.
 */
function trackAbsentFlags(client: LDClient) {
  const keys = new Set<string>();
  let revision = 0;
  client.on('update', ({ key }: { readonly key: string }) => {
    revision++;
    keys.delete(key);
  });
  return {
    has: (key: string) => keys.has(key),
    revision: () => revision,
    /** Only if nothing changed since the caller asked: the flag may exist by now. */
    add(key: string, askedAt: number): void {
      if (askedAt === revision) keys.add(key);
    },
  };
}

function contextOf({ stickyKey, task, queue, attributes }: FlagContext) {
  // `_meta` is LaunchDarkly's own and holds an object there.
  const meta = Object.hasOwn(attributes, '_meta') ? { _meta: {} } : undefined;
  return { ...attributes, ...meta, kind: CONTEXT_KIND, key: stickyKey, name: task, task, queue };
}

function isFlagValue(value: unknown): value is FlagValue {
  if (typeof value === 'number') return value >= 0 && value <= 1;
  return typeof value === 'boolean' || value === 'stable' || value === 'canary';
}

function once(report: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message)) return;
    told.add(message);
    report(message);
  };
}

/** Lets the last events out, but does not wait longer than a second for a service that is not there. */
async function closeClient(client: LDClient, file: FlagFileSource | undefined): Promise<void> {
  file?.close();
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 1000);
  });
  await Promise.race([client.flush().catch(() => {}), patience]);
  clearTimeout(timer);
  client.close();
}
