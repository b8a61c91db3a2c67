import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

export type ScriptCall = (keys: readonly string[], values: readonly (string | number)[]) => Promise<unknown>;

/**
 * A Lua file of ./lua as a command of the client. It is sent in full when the server does not know it (any more), so
 * a restart or SCRIPT FLUSH goes unnoticed.
 *
 * @param parts files of functions that it needs in front
 */
export function defineScript(client: Redis, file: string, ...parts: readonly string[]): ScriptCall {
  const lua = [...parts, file]
    .map((name) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8'))
    .join('\n');
  const command = `hybrid:${file}`;
  client.defineCommand(command, { lua });
  const call = Reflect.get(client, command) as (...args: (string | number)[]) => Promise<unknown>;
  return (keys, values) => call.call(client, keys.length, ...keys, ...values);
}
