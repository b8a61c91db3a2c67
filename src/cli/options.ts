import { type Command, InvalidArgumentError } from 'commander';
import { shellWord } from '../domain/wording.ts';

/** What every command that talks to Redis or reads the config knows. */
export interface CommonOptions {
  readonly config?: string;
  readonly redis?: string;
  readonly namespace?: string;
  readonly app?: string;
  readonly json?: true;
  readonly verbose?: true;
}

/** The options of a command that reads the config. */
export function withConfig(command: Command): Command {
  return command
    .option('--config <file>', 'config file (default: config/hybrid.yaml if it exists)')
    .option('--verbose', 'show the stack of an error');
}

/** The options of a command that talks to Redis. */
export function withRedis(command: Command): Command {
  return withConfig(command).option(
    '--redis <url>',
    'Redis to use, before REDIS_URL and the config file (default: the private one in .hybrid; submit, worker and demo start it)',
  );
}

/** The options of a command that acts on one namespace. */
export function withPlace(command: Command): Command {
  return withRedis(command).option(
    '--namespace <name>',
    'namespace to act on, before HYBRID_NAMESPACE and the config file',
  );
}

/**
 * What a printed command needs behind it to act on the same place. A URL with a password is left out: that belongs into
 * REDIS_URL. So is one that is none.
 */
export function placeArguments({ config, redis, namespace }: CommonOptions): string {
  const isSecret = redis !== undefined && (!URL.canParse(redis) || new URL(redis).password !== '');
  const given = { config, namespace, redis: isSecret ? undefined : redis };
  return Object.entries(given)
    .map(([name, value]) => (value === undefined ? '' : ` --${name} ${shellWord(value)}`))
    .join('');
}

/** The options of a command that has to know the team's tasks. */
export function withApp(command: Command): Command {
  return withPlace(command).option(
    '--app <module>',
    'ES module that exports your tasks as `tasks` (default: app.module of the config file)',
  );
}

/** A whole number in digits. */
export function whole(min: number, max: number): (given: string) => number {
  return (given) => {
    const value = Number(given);
    if (/^\d+$/.test(given) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Allowed: a whole number from ${min} to ${max}.`);
  };
}

/** @returns milliseconds */
export function seconds(min: number, max: number): (given: string) => number {
  return (given) => {
    const value = Number(given);
    if (/^\d+(\.\d+)?$/.test(given) && value >= min && value <= max) return Math.round(value * 1000);
    throw new InvalidArgumentError(`Allowed: seconds from ${min} to ${max}, like 5.`);
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `10s`, `5m`, `2h`, `1d`. @returns milliseconds */
export function delay(given: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(given) ?? [];
  const ms = Math.round(Number(number) * (UNIT_MS[unit ?? ''] ?? Number.NaN));
  if (ms >= 0 && ms <= 365 * 86_400_000) return ms;
  throw new InvalidArgumentError('Allowed: a number with its unit (ms, s, m, h, d), at most 365d, like 10s.');
}

/** The audit log is only as good as its reasons. */
export function reason(given: string): string {
  if (given.trim() !== '' && given.length <= 500) return given.trim();
  throw new InvalidArgumentError('Allowed: a few words for the audit log, 1 to 500 characters.');
}
