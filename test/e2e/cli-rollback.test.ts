import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFlags } from '../../src/flags.ts';
import type { RollbackReport } from '../../src/index.ts';
import { type CliPlace, cli, cliPlace } from '../support/cli.ts';
import { expectNoLeakedConnections, plainClient, type RedisServer, startRedis } from '../support/redis.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => expectNoLeakedConnections());

/** A place that sends everything to canary. On a Redis of its own: nobody else's workers are seen there. */
const place = (config = '') => cliPlace(`routing:\n  celeryRatio: 1 # all of it\n${config}`, server.url);

/** Has so many tasks wait on canary. */
async function submitted(at: CliPlace, count: number): Promise<string[]> {
  const manager = await at.manager();
  const each = Array.from({ length: count }, (_, a) =>
    manager.submit('add', { a, b: 1 }, { delayMs: a && 3_600_000 }),
  );
  const ids = (await Promise.all(each)).map(({ id }) => id);
  await manager.close();
  return ids;
}

const frozen = (at: CliPlace) => plainClient(server.url).hget(`{${at.namespace}}:control`, 'frozen');
const reports = (at: CliPlace) => readdirSync(join(at.dir, '.hybrid')).sort();

describe('hybrid rollback', () => {
  it('--dry-run tells what would happen, and changes nothing', async () => {
    const at = place();
    await submitted(at, 3);
    const [text, plan] = await Promise.all([
      at.run('rollback', '--dry-run'),
      at.json('rollback', '--dry-run'),
    ]);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(
      new RegExp(
        `^A rollback of namespace ${at.namespace} on 127\\.0\\.0\\.1:\\d+ would, as things are now:\n`,
      ),
    );
    expect(text.stdout).toContain('move 3 tasks to bee-queue and wait for 0 running tasks');
    expect(text.stdout).toContain('No live worker of stable takes what comes back in: sums.');
    expect(text.stdout).toMatch(/\nNothing was changed\.\n$/);
    expect(plan).toMatchObject({ willMove: 3, open: [{ queue: 'sums', accepted: 3 }] });
    expect(await frozen(at)).toBe('');
    expect(existsSync(join(at.dir, '.hybrid'))).toBe(false);
  });

  it('brings all back, says so in plain lines, changes the files and keeps a report', async () => {
    const at = place();
    at.write('flags.json', '{"flagValues":{"hybrid-add":"canary","theirs":true}}\n');
    at.write('.env', 'USE_CELERY=true # on\nSECRET=abc\n');
    await submitted(at, 3);
    const { code, stdout, stderr } = await at.run('rollback', '--reason', '延迟太高', '--grace', '1s');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Rolling back namespace \S+ on 127\.0\.0\.1:\d+:\n {2}freeze ✓ /);
    for (const phase of ['evacuate', 'wait for running tasks', 'verify', 'tidy up', 'write files'])
      expect(stderr).toContain(`\n  ${phase} ✓ `);
    expect(stderr).not.toContain('\u001b');
    expect(stdout).toContain('Changed hybrid.yaml: routing.celeryRatio 1 -> 0');
    expect(stdout).toContain('Changed .env: USE_CELERY true -> false');
    expect(stdout).toMatch(/Changed flags\.json: hybrid-add/);
    expect(stdout).toMatch(
      /\nRolled back namespace \S+ on \S+: 3 moved, 0 finished on canary, 0 aborted, 0 left; the ledger adds up\.\n$/,
    );
    const [json = '', md = ''] = reports(at);
    expect([json, md].map((name) => name.replace(/\d+T\d+/, 'T'))).toEqual([
      'rollback-TZ.json',
      'rollback-TZ.md',
    ]);
    expect(stdout).toContain(`Report: .hybrid/${json}`);
    const report = JSON.parse(readFileSync(join(at.dir, '.hybrid', json), 'utf8')) as RollbackReport;
    expect(report).toMatchObject({ status: 'completed', reason: '延迟太高', tasks: { moved: 3 } });
    const markdown = readFileSync(join(at.dir, '.hybrid', md), 'utf8');
    expect(markdown).toMatch(/^# Rollback of namespace .*: done and verified\n/);
    expect(markdown).toContain('- why: 延迟太高\n');
    expect(markdown).toContain('| moved to bee-queue | 3 |');
    const read = (name: string) => readFileSync(join(at.dir, name), 'utf8');
    expect(read('hybrid.yaml')).toContain('  celeryRatio: 0 # all of it\n');
    expect(read('.env')).toBe('USE_CELERY=false # on\nSECRET=abc\n');
    expect(await readFlags(join(at.dir, 'flags.json'))).toEqual([
      { key: 'hybrid-add', summary: 'off' },
      { key: 'theirs', summary: 'on' },
    ]);
  });

  it('--json prints the report and nothing else; --no-persist leaves files alone', async () => {
    const at = place();
    await submitted(at, 2);
    const before = readFileSync(join(at.dir, 'hybrid.yaml'), 'utf8');
    const { code, stdout, stderr } = await at.run('rollback', '--json', '--no-persist', '--yes');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout) as RollbackReport & { reports: string[] };
    expect(report).toMatchObject({ status: 'completed', movedByThisRun: 2, files: [], problems: [] });
    expect(report.reports.map((path) => existsSync(path))).toEqual([true, true]);
    expect(readFileSync(join(at.dir, 'hybrid.yaml'), 'utf8')).toBe(before);
  });

  it('says that there was nothing to bring back, and works where it cannot keep a report', async () => {
    const at = place();
    await at.begin();
    at.write('.hybrid', 'not a folder');
    const { code, stdout, stderr } = await at.run('rollback');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\nFrozen namespace .*: canary had no unfinished task, so there was nothing to bring back\.\n$/,
    );
    expect(stderr).toMatch(/warning: the report could not be written to \.hybrid\/ \(\w+\)\.\n/);
  });

  it('ends with 3 where something needs a person, and names what to type', async () => {
    const at = place();
    const manager = await at.manager();
    const first = await manager.submit('add', { a: 1, b: 1 });
    await manager.submit('add', { a: 2, b: 1 }, { delayMs: 3_600_000 });
    const config = join(at.dir, 'hybrid.yaml');
    chmodSync(config, 0o444);
    const worker = at.start('worker', '--backend', 'canary');
    await worker.says('takes tasks');
    // Saying so is not yet taking the first.
    await first.result();
    await manager.close();
    const { code, stdout } = await at.run('rollback');
    worker.kill('SIGTERM');
    await worker.ended;
    expect(code).toBe(3);
    expect(stdout).toContain(
      'To do: Everything is back on bee-queue, but no live worker of stable takes: 1 in sums.moved.',
    );
    const here = at.at.join(' ');
    expect(stdout).toContain(`(E_NO_STABLE_CONSUMER)\n  npx hybrid worker --backend stable ${here}\n`);
    expect(stdout).toContain(
      `To do: ${config} still has its old routing.celeryRatio: read-only. Set it to 0 yourself. (E_FILE_NOT_CHANGED)`,
    );
    expect(stdout).toMatch(/\nFrozen, and 2 things to do \(namespace .*\): \d moved, /);
  });
});

describe('what is wrong with how it was typed', () => {
  it.each([
    [['--grace', '5'], 'Allowed: a number with its unit'],
    [['--grace', '-1s'], 'grace'],
    [['--reason', '  '], 'Allowed: a few words'],
    [['--dry-run', '--yes'], "'--dry-run' cannot be used with option '--yes'"],
    [['--dry-run', '--services'], "'--dry-run' cannot be used with"],
    [['--dry-run', '--plain-stable'], "'--dry-run' cannot be used with"],
    [['--dry-run', '--no-persist'], "'--dry-run' cannot be used with"],
    [['now'], 'too many arguments'],
    [['--namespace', 'a b'], '--namespace: given "a b"'],
  ])('%j is refused, and nothing is frozen', async (args, problem) => {
    const { code, stdout, stderr } = await cli(['rollback', ...args, '--redis', 'redis://127.0.0.1:1']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(problem);
  });

  it('an unknown namespace is refused with those that there are, also by freeze, resume and ratio', async () => {
    const at = place();
    await at.begin();
    const place2 = ['--namespace', 'hybird', '--redis', server.url, '--reason', 'x'];
    for (const command of [['rollback'], ['freeze'], ['resume'], ['ratio', '0.1']]) {
      const { code, stdout, stderr } = await cli([...command, ...place2], { cwd: at.dir });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('Nobody has used the namespace "hybird" on this Redis; it has: ');
      expect(stderr).toContain(at.namespace);
    }
    expect(await plainClient(server.url).exists('{hybird}:control')).toBe(0);
  });

  it("--namespace finds that one's queues from the folder of another, and leaves the other's files alone", async () => {
    const [one, other] = [place(), place()];
    await one.begin();
    const [id = ''] = await submitted(other, 1);
    const before = readFileSync(join(one.dir, 'hybrid.yaml'), 'utf8');
    const { code, stdout, stderr } = await one.run('rollback', '--namespace', other.namespace);
    expect(code).toBe(0);
    expect(stdout).toContain(': 1 moved, ');
    expect(stderr).toContain(`No file is changed: the config here is of namespace ${one.namespace}.`);
    const client = plainClient(server.url);
    expect(await client.lrange(`bq-${other.namespace}:sums.moved:waiting`, '0', '-1')).toEqual([id]);
    expect(await client.exists(`bq-${one.namespace}:sums.moved:waiting`)).toBe(0);
    expect(readFileSync(join(one.dir, 'hybrid.yaml'), 'utf8')).toBe(before);
  });

  it('--namespace goes before the file, for freeze and resume, too', async () => {
    const [one, other] = [place(), place()];
    await Promise.all([one.begin(), other.begin()]);
    const there = ['--reason', 'x', '--namespace', other.namespace];
    expect((await one.run('freeze', ...there)).code).toBe(0);
    expect([await frozen(one), await frozen(other)]).toEqual(['', 'rollback']);
    expect((await one.run('resume', ...there)).code).toBe(0);
    expect(await frozen(other)).toBe('');
  });
});

describe('a Redis or a config that is not right', () => {
  it('a wrong password, or nobody there, is exit code 1', async () => {
    const { port } = await startRedis({ requirepass: 'right' });
    const at = place();
    const runs = [`redis://:secret@127.0.0.1:${port}`, 'redis://127.0.0.1:1'].map((url) =>
      cli(['rollback', '--redis', url], { cwd: at.dir }),
    );
    for (const { code, stdout, stderr } of await Promise.all(runs)) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^error: Redis at .*\(E_REDIS_UN\w+\)\n$/);
      expect(stderr).not.toContain('secret');
    }
  });

  it('a mistake elsewhere in the file keeps nothing from coming back to the right queues', async () => {
    const at = place();
    const [id = ''] = await submitted(at, 1);
    const text = readFileSync(join(at.dir, 'hybrid.yaml'), 'utf8');
    writeFileSync(join(at.dir, 'hybrid.yaml'), `${text}\nworker: { concurrency: many }\n`);
    const { code, stdout, stderr } = await at.run('rollback');
    expect(stderr).toMatch(
      /^warning: .*\n {2}worker\.concurrency: given "many".*\nGoing on without these parts of it\.\n/,
    );
    expect(code).toBe(0);
    expect(stdout).toContain(': 1 moved, ');
    const waiting = await plainClient(server.url).lrange(`bq-${at.namespace}:sums.moved:waiting`, '0', '-1');
    expect(waiting).toEqual([id]);
  });

  it("a mistake about stable's queues freezes, and moves nothing to queues that nobody knows", async () => {
    const at = place();
    await submitted(at, 1);
    const text = readFileSync(join(at.dir, 'hybrid.yaml'), 'utf8');
    writeFileSync(join(at.dir, 'hybrid.yaml'), text.replace(/^stable: .*/m, 'stable: { prefix: 5 }'));
    const { code, stdout, stderr } = await at.run('rollback', '--reason', 'p95');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(
      /error: Frozen: .* because stable in the config has a mistake\..*\(E_ONLY_FROZEN\)\n$/,
    );
    expect(await frozen(at)).toBe('rollback');
    expect(await plainClient(server.url).zcard(`{${at.namespace}}:open:canary`)).toBe(1);
  });
});

describe('interrupted', () => {
  it('while it waits it ends with 130, frozen', async () => {
    const at = place();
    const manager = await at.manager();
    const worker = at.start('worker');
    await manager.submit('hold', { heedsSignal: false, untilFile: join(at.dir, 'done') });
    await worker.says('holding task-');
    const preview = await at.run('rollback', '--dry-run');
    expect(preview.stdout).toMatch(
      new RegExp(`Running now:\n {2}task-\\S+ \\(hold\\) in process \\d+ on ${hostname()}\n`),
    );
    const rollback = at.start('rollback', '--grace', '10m');
    await rollback.says('evacuate ✓');
    rollback.kill('SIGINT');
    const { code, stderr } = await rollback.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('Interrupted. Frozen: nothing new goes to BullMQ.');
    expect(stderr).toContain(`to go on here: npx hybrid rollback --yes ${at.at.join(' ')}\n`);
    expect(await frozen(at)).toBe('rollback');
    at.write('done', '');
    worker.kill('SIGTERM');
    await worker.ended;
    await manager.close();
  });
});
