import type { HybridConfig } from '../config.ts';
import type { Logger } from '../domain/logger.ts';
import type { FlagAnswer, FlagContext, FlagSource } from '../domain/routing-decision.ts';
import type { ControlPlane } from '../state/control-plane.ts';

/**
 * The flag source that the config names. It is opened, and its SDK loaded, when the live mode is `flag`: now, or when
 * somebody switches to it. In mode `ratio` nobody asks, and a broken flag file or a dead flag service hurts nobody.
 * @throws {InvalidConfigError} the mode is `flag` and the flag file or the SDK key cannot be used
 */
export async function openFlags(
  config: HybridConfig,
  plane: ControlPlane,
  log: Logger,
  mayOpen = true,
): Promise<FlagSource> {
  const flags = new FlagsWhenNeeded(config, log);
  if (!mayOpen) return flags;
  if (plane.state.mode === 'flag') await flags.open();
  flags.stopListening = plane.onChange(({ mode }) => {
    if (mode === 'flag') flags.open().catch((error: Error) => log.error({}, error.message));
  });
  return flags;
}

class FlagsWhenNeeded implements FlagSource {
  readonly #config: HybridConfig;
  readonly #log: Logger;
  #opening: Promise<FlagSource> | undefined;
  #source: FlagSource | undefined;
  #problem: string | undefined;
  stopListening: () => void = () => {};

  constructor(config: HybridConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  async open(): Promise<void> {
    this.#opening ??= load(this.#config, this.#log);
    try {
      this.#source = await this.#opening;
      this.#problem = undefined;
    } catch (error) {
      // The next change of the live state tries again.
      this.#opening = undefined;
      this.#problem = (error as Error).message;
      throw error;
    }
  }

  async evaluate(context: FlagContext): Promise<FlagAnswer | null> {
    return this.#source ? this.#source.evaluate(context) : null;
  }

  describe(): ReturnType<FlagSource['describe']> {
    if (this.#source) return this.#source.describe();
    const { source } = this.#config.flags;
    if (this.#problem !== undefined) return { source, state: 'unavailable', problem: this.#problem };
    return { source, state: this.#opening ? 'initialising' : 'idle' };
  }

  async close(): Promise<void> {
    this.stopListening();
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.close();
  }
}

async function load(config: HybridConfig, log: Logger): Promise<FlagSource> {
  // Imported here: the SDK is the slowest part of a command's start.
  const { createFlagSource } = await import('../routing/flags.ts');
  const { source, file, sdkKey, taskFlagPrefix, globalFlag, initTimeoutMs } = config.flags;
  return createFlagSource({
    source,
    file,
    sdkKey: sdkKey ?? undefined,
    flagKeyFor: (task) => `${taskFlagPrefix}${task}`,
    globalFlagKey: globalFlag,
    initTimeoutMs,
    onProblem: (message) => log.warn({}, message),
  });
}
