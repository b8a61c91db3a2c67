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

/** The section that a variable speaks for. */
const SECTION_OF: Readonly<Partial<Record<string, string>>> = {
  CELERY_BROKER_URL: 'canary',
  CELERY_RATIO: 'routing',
  USE_CELERY: 'routing',
  WORKER_COUNT: 'worker',
  WORKER_CONCURRENCY: 'worker',
  CELERY_LOG_LEVEL: 'log',
  LOG_LEVEL: 'log',
  LAUNCHDARKLY_SDK_KEY: 'flags',
} satisfies Partial<Record<(typeof VARIABLES)[number], string>>;

/** Whether it is certain, in spite of the problem, which Redis and which namespace are meant. */
export function isBesidePlace({ path }: ConfigProblem): boolean {
  return BESIDE.has(path.split('.')[0] ?? '');
}

/** A file's text without some of its sections; these have their defaults. Never throws. */
export function readWithout(sections: ReadonlySet<string>, text: string): SettingsReading {
  const yaml = readYaml(text);
  if (yaml.problems) return { problems: yaml.problems };
  const entries = Object.entries((yaml.value ?? {}) as Readonly<Record<string, unknown>>);
  return checkSettings(Object.fromEntries(entries.filter(([name]) => !sections.has(name))));
}

/** The sections and variables that problems are about. */
export function partsOf(problems: readonly ConfigProblem[]): ReadonlySet<string> {
  return new Set(problems.map(({ path }) => path.split('.')[0] ?? ''));
}

/** These, and the sections that are not as they were meant because a variable for them was left out. */
export function affectedBy(parts: ReadonlySet<string>): ReadonlySet<string> {
  const sections = [...parts].map((part) => SECTION_OF[part]).filter((section) => section !== undefined);
  return new Set([...parts, ...sections]);
}

/** Everything but namespace and Redis. */
export function allBesidePlace(): ReadonlySet<string> {
  return BESIDE;
}
