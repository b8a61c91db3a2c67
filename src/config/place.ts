import type { ConfigProblem } from '../domain/errors.ts';
import { VARIABLES } from './environment.ts';
import { checkSettings, type SettingsReading } from './resolution.ts';
import { fileSchema } from './schema.ts';
import { readYaml } from './yaml-text.ts';

const PLACE = ['namespace', 'redis', 'REDIS_URL', 'HYBRID_NAMESPACE'];
/** An unknown key is not among them: it may be a mistyped `namespace`. */
const BESIDE = new Set(
  [...Object.keys(fileSchema.parse({})), ...VARIABLES].filter((name) => !PLACE.includes(name)),
);

/** Whether it is certain, in spite of the problem, which Redis and which namespace are meant. */
export function isBesidePlace({ path }: ConfigProblem): boolean {
  return BESIDE.has(path.split('.')[0] ?? '');
}

/** Namespace and Redis URL out of a file's text; everything else has its default. Never throws. */
export function readPlace(text: string): SettingsReading {
  const yaml = readYaml(text);
  if (yaml.problems) return { problems: yaml.problems };
  const { namespace, redis } = (yaml.value ?? {}) as Readonly<Record<string, unknown>>;
  return checkSettings({ namespace, redis });
}
