import { runDrill } from '../../src/drill/drill.ts';
import type { DrillReport } from '../../src/drill/report.ts';
import { drillStepText, drillText } from '../../src/drill/text.ts';
import { type HybridConfig, loadConfig } from '../../src/index.ts';
import { resolveRedis } from '../../src/private-redis.ts';
import { demoConfigFile } from './demo-follow-up.ts';

/**
 * `hybrid drill` on the demo's Redis, for whoever has none: prints each step and the verdict.
 *
 * @param stop ends it early; it cleans up all the same
 * @throws {RedisUnreachableError | InvalidConfigError}
 */
export async function drill(isJson: boolean, stop: AbortSignal): Promise<DrillReport> {
  const settings = await loadConfig({ file: demoConfigFile() });
  const redis = await resolveRedis({
    url: settings.redis.url,
    // In production a forgotten REDIS_URL must not quietly become an empty server.
    allowPrivate: process.env.NODE_ENV !== 'production',
    mayInstall: true,
  });
  try {
    const config: HybridConfig = { ...settings, redis: { ...settings.redis, url: redis.url } };
    const say = (line: string) => process.stderr.write(`${line}\n`);
    const report = await runDrill(config, {
      signal: stop,
      ...(isJson ? {} : { onStep: (step) => say(drillStepText(step)) }),
    });
    const text = isJson ? JSON.stringify(report, null, 2) : `\n${drillText(report)}`;
    process.stdout.write(`${text}\n`);
    return report;
  } finally {
    await redis.stop();
  }
}
