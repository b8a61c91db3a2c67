import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import type { SystemStatus } from '../../src/index.ts';
import { cli, cliPlace } from '../support/cli.ts';
import { waitFor } from '../support/wait-for.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

describe('hybrid worker', () => {
  it('says what it takes, finishes what runs on SIGTERM, and exits with 0', async () => {
    const place = cliPlace();
    const worker = place.start('worker', '--backend', 'stable', '--concurrency', '2');
    const said = await worker.says('queue crashes.moved');
    expect(said).toContain(`2 at once per queue:\n  stable (bee-queue): queue sums, for add\n`);
    expect(said).not.toContain('BullMQ');
    const untilFile = join(place.dir, 'enough');
    const { id } = await place.json('submit', 'hold', '--data', JSON.stringify({ untilFile }));
    await worker.says(`holding ${id}`);
    worker.kill('SIGTERM');
    await worker.says('Stopping on SIGTERM: taking nothing new, finishing 1 task within 30 s.');
    place.write('enough', '');
    expect((await worker.ended).code).toBe(0);
    expect(await place.json('task', String(id))).toMatchObject({
      state: 'succeeded',
      outcome: { value: { ended: 'by itself' } },
    });
  });

  it('ends at once with 1 on a second signal', async () => {
    const place = cliPlace();
    const worker = place.start('worker', '--backend', 'stable');
    await worker.says('queue crashes.moved');
    const { id } = await place.json('submit', 'hold', '--data', '{"heedsSignal":false}');
    await worker.says(`holding ${id}`);
    worker.kill('SIGINT');
    await worker.says('Stopping on SIGINT');
    worker.kill('SIGINT');
    expect((await worker.ended).code).toBe(1);
  });
});

describe('hybrid worker --processes', () => {
  it('starts a crashed process again and stops them all cleanly', async () => {
    // The task that ends its process is not delivered again before the end of this test.
    const place = cliPlace('worker: { stallIntervalMs: 600000 }');
    const supervisor = place.start('worker', '--processes', '2');
    await supervisor.says('canary (BullMQ): queue crashes', 2);
    const pids = async () => {
      const { workers } = await place.json<SystemStatus>('status');
      return workers.map(({ pid }) => pid);
    };
    const before = await pids();
    expect(before).toHaveLength(2);

    await place.run('submit', 'crash', '--data', '{}', '--backend', 'canary');
    await supervisor.says('ended (70); a new one starts in 1 s');
    await supervisor.says('canary (BullMQ): queue crashes', 3);
    const replaced = await waitFor(async () => (await pids()).find((pid) => !before.includes(pid)), {
      what: 'the new process in the status',
      timeoutMs: 30_000,
    });
    expect(before).not.toContain(replaced);

    supervisor.kill('SIGTERM');
    const { code, stderr } = await supervisor.ended;
    expect(code).toBe(0);
    expect(stderr.split('Stopped.')).toHaveLength(3);
    // The crashed one could not say goodbye; its heartbeat runs out by itself.
    const left = await pids();
    expect(left).not.toContain(replaced);
    expect(left.length).toBeLessThanOrEqual(1);
  });

  it('does not try again what cannot even start', async () => {
    const [, file = ''] = cliPlace().at;
    const { code, stderr } = await cli([
      'worker',
      '--processes',
      '2',
      '--config',
      file,
      '--redis',
      'redis://127.0.0.1:1',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('E_REDIS_UNREACHABLE');
    expect(stderr).not.toContain('a new one starts');
  });
});
