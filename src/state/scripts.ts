import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

type Argument = string | number;

const read = (file: string): string => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8');

/** Scripts that begin with the shared prelude. */
const LEDGER_SCRIPTS = [
  'accept',
  'start',
  'finish',
  'retry',
  'cancel',
  'reassign',
  'adopt',
  'park-corrupt',
  'hand-over',
  'record-outcome',
  'claim-key',
  'claim-prefixes',
  'accept-copies',
  'cancel-copies',
  'claim-pairs',
  'compact-figures',
] as const;

/** Scripts that count, too. */
const COUNTING_SCRIPTS = ['add-aggregates', 'settle-pairs'] as const;

export type ScriptName = (typeof LEDGER_SCRIPTS)[number] | (typeof COUNTING_SCRIPTS)[number] | 'set-control';

/** Calls a script by name with the namespace's key prefix and its arguments. Sends the text only where Redis lacks it. */
export type RunScript = (name: ScriptName, args: readonly Argument[]) => Promise<unknown>;

export function scriptsOn(redis: Redis, keyPrefix: string): RunScript {
  const commands = new Map<ScriptName, (...args: Argument[]) => Promise<unknown>>();
  const prelude = read('prelude');
  const define = (name: ScriptName, lua: string) => {
    const command = `hybrid:${name}`;
    redis.defineCommand(command, { numberOfKeys: 1, lua });
    commands.set(
      name,
      (Reflect.get(redis, command) as (...args: Argument[]) => Promise<unknown>).bind(redis),
    );
  };
  for (const name of LEDGER_SCRIPTS) define(name, prelude + read(name));
  const aggregate = read('aggregate');
  for (const name of COUNTING_SCRIPTS) define(name, prelude + aggregate + read(name));
  define('set-control', read('set-control'));
  return (name, args) => {
    const command = commands.get(name);
    if (!command) throw new TypeError(`no script ${name}`);
    return command(keyPrefix, ...args);
  };
}
