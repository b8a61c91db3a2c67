import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { cli, cliPlace } from '../support/cli.ts';
import { plainClient } from '../support/redis.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

describe('the routing from the command line', () => {
  it('is shown and changed, for all tasks or one', async () => {
    const place = cliPlace('routing: { celeryRatio: 0.1 }');
    expect(await place.run('ratio')).toMatchObject({ code: 0, stdout: 'global  0.1\n' });
    const changed = await place.run('ratio', '0.25', '--reason', 'went well');
    expect(changed).toMatchObject({ code: 0, stdout: 'Ratio: 0.1 -> 0.25, live at epoch 2.\n' });
    const same = await place.run('ratio', '0.25', '--reason', 'again');
    expect(same.stdout).toBe('Ratio: 0.25 already, nothing to change (epoch 2).\n');
    const own = await place.json('ratio', '0', '--task', 'add', '--reason', 'not this one');
    expect(own).toMatchObject({ celeryRatio: 0.25, taskRatios: { add: 0 }, epoch: 3 });
    const unset = await place.run('ratio', '--task', 'add', '--unset', '--reason', 'like all');
    expect(unset.stdout).toBe('Ratio of add: 0 -> none (global: 0.25), live at epoch 4.\n');
  });

  it("is compared with the file, and becomes the file's with apply", async () => {
    const place = cliPlace('routing: { celeryRatio: 0.1 }');
    expect((await place.run('apply', '--reason', 'x')).stdout).toBe(
      `Nothing to do: hybrid.yaml is live already (epoch 1).\n`,
    );
    await place.run('ratio', '0.25', '--reason', 'went well');
    const status = await place.run('status');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toContain('0.25 of submissions to canary, mode ratio, epoch 2');
    expect(status.stdout).toContain(
      `celeryRatio 0.1 (live 0.25). To make it live: hybrid apply --reason "..." ${place.at.join(' ')}\n`,
    );
    expect(status.stdout).toContain(`No worker is running: hybrid worker ${place.at.join(' ')}\n`);
    const applied = await place.run('apply', '--reason', 'release 7');
    expect(applied).toMatchObject({
      code: 0,
      stdout: `celeryRatio: 0.25 -> 0.1\nhybrid.yaml is live at epoch 3.\n`,
    });

    const table = await place.run('audit');
    expect(table.stdout).toMatch(/ 2 +cli:\S+@\S+ +celeryRatio 0\.1 -> 0\.25 +went well/);
    const audit = await place.json<{ reason: string }[]>('audit', '--limit', '1');
    expect(audit.map(({ reason }) => reason)).toEqual(['release 7']);
  });

  it('is frozen at once; changes then need a person, until somebody resumes', async () => {
    const place = cliPlace('routing: { celeryRatio: 1 }');
    await place.begin();
    const frozen = await place.run('freeze', '--reason', 'memory');
    expect(frozen).toMatchObject({ code: 0, stderr: '' });
    expect(frozen.stdout).toMatch(/^Frozen at epoch 2 \(namespace /);
    expect(await plainClient().hget(`{${place.namespace}}:control`, 'frozen')).toBe('rollback');
    expect((await place.run('freeze', '--reason', 'again')).stdout).toContain('Frozen already, by cli:');

    const refused = await place.run('ratio', '0.5', '--reason', 'x');
    expect(refused).toMatchObject({ code: 3, stdout: '' });
    const lift = `hybrid resume --reason "..." ${place.at.join(' ')}`;
    expect(frozen.stdout).toContain(`To lift it: ${lift}\n`);
    expect(refused.stderr).toContain(`${lift} (E_FROZEN)\n`);
    expect((await place.run('apply', '--reason', 'x')).code).toBe(3);
    expect((await place.run('status')).stdout).toContain(
      `FROZEN: nothing new goes to canary. ${lift} lifts it`,
    );

    const submitted = await place.json('submit', 'add', '--data', '{"a":1,"b":1}');
    expect(submitted).toMatchObject({ backend: 'stable', reason: 'frozen' });

    const resumed = await place.run('resume', '--reason', 'more memory');
    expect(resumed.stdout).toMatch(/^Not frozen any more, at epoch 3 .*\nThe ratio is 0\./);
    expect(resumed.stdout).toContain(`hybrid ratio 0.05 --reason "..." ${place.at.join(' ')}\n`);
    expect((await place.run('resume', '--reason', 'x')).stdout).toMatch(/^Nothing to do: not frozen/);
  });
});

describe('the flag file from the command line', () => {
  it('is set and listed without any Redis', async () => {
    const place = cliPlace();
    const config = place.at.slice(0, 2);
    const set = await cli(['flag', 'set', 'hybrid-add', '25%', ...config], { cwd: place.dir });
    expect(set).toEqual({ code: 0, stdout: 'hybrid-add: 25% on, 75% off (flags.json).\n', stderr: '' });
    expect(JSON.parse(readFileSync(join(place.dir, 'flags.json'), 'utf8')).flags).toHaveProperty(
      'hybrid-add',
    );
    const list = await cli(['flag', 'list', '--json', ...config]);
    expect(JSON.parse(list.stdout).flags).toEqual([{ key: 'hybrid-add', summary: '25% on, 75% off' }]);
    const wrong = await cli(['flag', 'set', 'hybrid-add', 'maybe', ...config]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('allowed: on, off, canary, stable, or a percentage');
  });

  it('decides in mode flag', async () => {
    const place = cliPlace('routing: { mode: flag }');
    place.write('flags.json', '{"flagValues":{"hybrid-add":"canary"}}');
    const submitted = await place.run('submit', 'add', '--data', '{"a":1,"b":1}');
    expect(submitted.stdout).toMatch(/^task-\S+ {2}canary {2}flag: hybrid-add says canary \(epoch 1\)\n$/);
  });
});
