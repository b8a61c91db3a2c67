import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type CliPlace, cliPlace } from '../support/cli.ts';
import { compiled } from '../support/compiled.ts';
import { expectNoLeakedConnections, plainClient, type RedisServer, startRedis } from '../support/redis.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => expectNoLeakedConnections());

const QUESTION = 'bring all of namespace';

/** Runs `hybrid rollback` on a terminal of its own and types something when it asks. */
async function onTerminal(at: CliPlace, typed: string | null, ...options: readonly string[]) {
  const words = [process.execPath, compiled('src/cli/main.ts'), 'rollback', ...options, ...at.at];
  const command = words.map((word) => `'${word}'`).join(' ');
  const { NODE_OPTIONS: _jest, NO_COLOR: _plain, ...env } = process.env;
  // util-linux's script: its exit code is the command's.
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: at.dir, env, stdio: 'pipe' });
  let output = '';
  let isAnswered = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (isAnswered || typed === null || !output.includes('[y/N] ')) return;
    isAnswered = true;
    child.stdin.write(typed);
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

async function place(): Promise<CliPlace> {
  const at = cliPlace('routing: { celeryRatio: 1 }', server.url);
  const manager = await at.manager();
  await manager.submit('add', { a: 1, b: 2 });
  await manager.close();
  return at;
}

const frozen = (at: CliPlace) => plainClient(server.url).hget(`{${at.namespace}}:control`, 'frozen');

describe('on a terminal', () => {
  it.each([
    ['n', 'n\n'],
    ['Ctrl-C', '\u0003'],
    ['the end of the input', '\u0004'],
  ])('it asks once, and %s changes nothing', async (_, typed) => {
    const at = await place();
    const { code, output } = await onTerminal(at, typed);
    expect(output.split(QUESTION)).toHaveLength(2);
    expect(output).toContain('Nothing was changed.');
    expect(code).toBe(2);
    expect(await frozen(at)).toBe('');
  });

  it('yes goes on, with one line that is alive, and colours', async () => {
    const at = await place();
    const { code, output } = await onTerminal(at, 'yes\n');
    expect(code).toBe(0);
    // Drawn over itself; what stays is one line per phase.
    expect(output).toContain('\r\u001b[2K  freeze ✓ ');
    expect(output).toMatch(/\[2K {2}evacuate ✓ \S+ \S+ \(1\/1\)\r\n/);
    expect(output).toContain('\u001b[32mRolled back\u001b[39m');
    expect(await frozen(at)).toBe('rollback');
  });

  it('--yes does not ask', async () => {
    const at = await place();
    const { code, output } = await onTerminal(at, null, '--yes');
    expect(code).toBe(0);
    expect(output).not.toContain(QUESTION);
  });
});
