import { type HybridConfig, withPrefixes } from '../config.ts';
import { InvalidConfigError, show } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import type { ControlRedis } from '../state/control-redis.ts';
import { claimPrefixes, readPrefixes } from '../state/prefixes.ts';

/**
 * The config with the prefixes under which the namespace's queues stand. Who operates takes those that its processes have
 * noted: with a config that was written for another namespace it would count nothing, and bring tasks back to where
 * somebody else runs them, too. Who brings or runs tasks is refused instead: it has to be mended, not guessed.
 *
 * @throws {InvalidConfigError} only unless operating
 */
export async function withOwnPrefixes(
  control: ControlRedis,
  config: HybridConfig,
  log: Logger,
  isOperating: boolean,
): Promise<HybridConfig> {
  const own = { stable: config.stable.prefix, canary: config.canary.prefix };
  const noted = isOperating ? ((await readPrefixes(control)) ?? own) : await claimPrefixes(control, own);
  const others = (['stable', 'canary'] as const).filter((backend) => own[backend] !== noted[backend]);
  if (others.length === 0) return config;
  if (!isOperating) {
    const allowed = (prefix: string) =>
      `${show(prefix)}, under which the queues of namespace ${config.namespace} stand; to change it, let its tasks end and stop its workers first`;
    throw new InvalidConfigError(
      config.file ?? 'The given config',
      others.map((backend) => ({
        path: `${backend}.prefix`,
        given: show(own[backend]),
        allowed: allowed(noted[backend]),
      })),
    );
  }
  const words = others.map((backend) => `${backend}.prefix ${noted[backend]} (not ${own[backend]})`);
  log.warn({}, `Namespace ${config.namespace} has its queues under ${words.join(' and ')}: these are used.`);
  return withPrefixes(config, noted);
}
