import { switchOffInDotenv } from '../config/dotenv-edit.ts';
import { writeZeroRatio } from '../config/routing-edit.ts';
import type { HybridConfig } from '../config.ts';
import type { RoutingMode } from '../domain/control-state.ts';
import { switchOffFlags } from '../flags.ts';
import type { Persisted } from '../rollback/house.ts';

/** Makes the files that a starting process takes its first routing from agree with a freeze. Never throws. */
export async function persistFreeze({ file, flags }: HybridConfig, mode: RoutingMode): Promise<Persisted> {
  const isOurs = (key: string) => key === flags.globalFlag || key.startsWith(flags.taskFlagPrefix);
  const files = [
    ...(file === null ? [] : await writeZeroRatio(file)),
    ...(flags.source === 'file' ? await switchOffFlags(flags.file, isOurs) : []),
    ...(await switchOffInDotenv(process.cwd())),
  ];
  const notes: string[] = [];
  if (flags.source === 'launchdarkly' && mode === 'flag') {
    notes.push(
      `The flags in LaunchDarkly stay as they are: switch ${flags.globalFlag} off there before you resume.`,
    );
  }
  const { CELERY_RATIO, USE_CELERY } = process.env;
  if (Number(CELERY_RATIO ?? 0) > 0) notes.push(inEnvironment(`CELERY_RATIO=${CELERY_RATIO}`));
  if (USE_CELERY?.toLowerCase() === 'true') notes.push(inEnvironment(`USE_CELERY=${USE_CELERY}`));
  return { files, notes };
}

function inEnvironment(setting: string): string {
  return `${setting} is set in the environment, which no file can change: change it where it is set before you resume.`;
}
