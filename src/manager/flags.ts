import type { HybridConfig } from '../config.ts';
import type { Logger } from '../domain/logger.ts';
import type { FlagSource } from '../domain/routing-decision.ts';
import { createFlagSource } from '../routing/flags.ts';

/** The flag source that the config names. */
export function openFlags(config: HybridConfig, log: Logger): Promise<FlagSource> {
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
