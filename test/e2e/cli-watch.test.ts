import { describe, expect, it, jest } from '@jest/globals';
import type { SystemStatus } from '../../src/index.ts';
import { cliPlace } from '../support/cli.ts';
import { plainClient, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait-for.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

describe('hybrid status --watch', () => {
  it('shows it again and again, ends on Ctrl-C with 0 and leaves no connection', async () => {
    const server = await startRedis();
    const place = cliPlace('', server.url);
    await place.begin();
    const redis = plainClient(server.url);
    const connections = async () => ((await redis.call('CLIENT', 'LIST')) as string).match(/^id=/gm)?.length;
    // The server may see the end of a connection later than whoever ended it.
    const isAlone = async () => (await connections()) === 1;
    await waitFor(isAlone, { what: 'all connections of the beginning to be closed' });
    const watch = place.start('status', '--watch', '0.1');
    await watch.says('Ratio    0 of submissions', 2);
    await place.run('ratio', '0.5', '--reason', 'seen at once');
    await watch.says('Ratio    0.5 of submissions');
    expect(await connections()).toBeGreaterThan(1);
    watch.kill('SIGINT');
    const { code, stderr, stdout } = await watch.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
    await waitFor(isAlone, { what: 'all connections to be closed' });
  });

  it('prints one document per line with --json', async () => {
    const place = cliPlace();
    await place.begin();
    const watch = place.start('status', '--watch', '0.1', '--json');
    await watch.says('\n', 3);
    watch.kill('SIGTERM');
    const { code, stdout } = await watch.ended;
    expect(code).toBe(0);
    for (const line of stdout.trim().split('\n')) {
      expect((JSON.parse(line) as SystemStatus).ledger.conserved).toBe(true);
    }
  });
});

describe('a reader that has seen enough', () => {
  it('ends a watch, and disturbs nothing else', async () => {
    const place = cliPlace();
    await place.begin();
    const [watch, status] = [place.start('status', '--watch', '0.1'), place.start('status')];
    status.closeStdout();
    await watch.says('Ratio');
    watch.closeStdout();
    for (const { ended } of [watch, status]) {
      const { code, stderr } = await ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });
});
