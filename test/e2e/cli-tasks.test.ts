import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { SystemStatus } from '../../src/index.ts';
import { type CliResult, cli, cliPlace, type RunningCli } from '../support/cli.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

const ID = /^task-[0-9a-f-]{36}/;
const UNKNOWN_ID = 'task-0199d2c0-5c1e-7c3a-9f0e-2f6d1b7a4e11';

describe('submitting from one terminal and working in another', () => {
  const place = cliPlace('routing: { celeryRatio: 0.5 }');
  let worker: RunningCli;

  beforeAll(async () => {
    worker = place.start('worker');
    await worker.says('canary (BullMQ): queue crashes');
  });
  afterAll(async () => {
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  it.each(['stable', 'canary'])('gives the same result from %s', async (backend) => {
    const data = ['--data', '{"a":1,"b":2}'];
    const { code, stdout } = await place.run('submit', 'add', ...data, '--backend', backend, '--wait');
    expect(code).toBe(0);
    const [line, ...result] = stdout.split('\n');
    expect(line).toMatch(new RegExp(`${ID.source}  ${backend}  requested: `));
    expect(JSON.parse(result.join('\n'))).toEqual({ sum: 3 });

    const report = await place.json('task', String(line?.split(' ')[0]));
    expect(report).toMatchObject({ task: 'add', backend, state: 'succeeded', attempts: 1 });
    expect(report.outcome).toMatchObject({ status: 'succeeded', value: { sum: 3 } });
  });

  it('says why a task failed, and fails as well', async () => {
    const args = ['submit', 'fail', '--data', '{"message":"no milk"}', '--wait'];
    const words = await place.run(...args);
    expect(words.code).toBe(1);
    expect(words.stderr).toMatch(
      /^error: Task "fail" task-\S+ failed: RangeError: no milk \(E_TASK_FAILED\)\n$/,
    );
    const json = await place.run(...args, '--json');
    expect(json).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      id: expect.stringMatching(ID),
      error: { code: 'E_TASK_FAILED' },
    });
    const shown = await place.run('task', JSON.parse(json.stdout).id);
    expect(shown.stdout).toMatch(/^State +failed\n(.*\n)*Error +RangeError: no milk$/m);
  });

  it('takes a file of lines, tells the bad ones with their number and goes on', async () => {
    const lines = ['{"a":1,"b":1}', '', 'not json', '{"a":2,"b":2}', '{"a":"x"}', '{"a":3,"b":3}'];
    const file = place.write('sums.jsonl', `${lines.join('\r\n')}\n`);
    const { code, stdout, stderr } = await place.run('submit', 'add', '--file', file);
    expect(code).toBe(1);
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(stderr).toContain('line 3: The line is not JSON');
    expect(stderr).toContain('line 5: The payload does not fit task "add"');
    expect(stderr).toMatch(/^3 submissions: \d to stable, \d to canary; 2 lines failed$/m);
  });

  it('takes lines from a pipe and prints one document per line', async () => {
    const many = Array.from({ length: 1_000 }, (_, a) => JSON.stringify({ a, b: 1 }));
    const { code, stdout, stderr } = await cli(
      ['submit', 'add', '--file', '-', '--lines', '--json', '--wait', ...place.at],
      { input: many.join('\n') },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const documents = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { summary } = documents.pop();
    expect(summary).toMatchObject({ submitted: 1_000, failed: 0 });
    expect(summary.stable + summary.canary).toBe(1_000);
    for (const { line, result } of documents) expect(result).toEqual({ sum: line });
    expect(new Set(documents.map(({ line }) => line)).size).toBe(1_000);
  });

  it('knows a repeated submission by its key', async () => {
    const args = ['submit', 'add', '--data', '{"a":1,"b":1}', '--idempotency-key', 'once', '--json'];
    const [first, second] = [await cli([...args, ...place.at]), await cli([...args, ...place.at])];
    expect(JSON.parse(second.stdout)).toMatchObject({ id: JSON.parse(first.stdout).id, reason: 'duplicate' });
  });

  it('shows all of it in the status', async () => {
    const status = await place.json<SystemStatus>('status');
    expect(status).toMatchObject({ namespace: place.namespace, parked: 0, ledger: { conserved: true } });
    expect(status.workers).toMatchObject([{ queues: ['sums', 'failures', 'holds', 'crashes'] }]);
    expect(Object.keys(status.backends.stable.queues)).toContain('sums.moved');
    const { stdout } = await place.run('status');
    expect(stdout).toMatch(/^Ledger +conserved: yes; [\d,]+ accepted = /m);
    expect(stdout).toMatch(/^sums +canary( +[\d,]+){5}$/m);
    expect(stdout).toContain('stable, canary  4 queues');
  });

  it('cancels a task that runs, through its signal', async () => {
    const { stdout } = await place.run('submit', 'hold', '--data', '{}', '--backend', 'canary');
    const id = String(stdout.split(' ')[0]);
    await worker.says(`holding ${id}`);
    expect(await place.run('cancel', id)).toMatchObject({
      code: 0,
      stdout: 'It is running and was asked to stop.\n',
    });
  });
});

describe('a task that nobody runs', () => {
  const place = cliPlace();

  it('is cancelled before it runs, once', async () => {
    const { id } = await place.json('submit', 'add', '--data', '{"a":1,"b":1}', '--delay', '1h');
    expect(await place.json('task', String(id))).toMatchObject({ state: 'delayed', backend: 'stable' });
    expect(await place.run('cancel', String(id))).toMatchObject({
      code: 0,
      stdout: 'Cancelled; it will not run.\n',
    });
    expect(await place.run('cancel', String(id))).toMatchObject({ code: 1 });
  });

  it('gives the shell back when the wait is over', async () => {
    const { code, stderr } = await place.run('submit', 'add', '--data', '{"a":1,"b":1}', '--wait', '0.01');
    expect(code).toBe(1);
    expect(stderr).toMatch(/has no outcome after 10 ms.*hybrid task task-/);
  });

  it('is not found under another id', async () => {
    const expectNotFound = ({ code, stdout, stderr }: CliResult) => {
      expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
      expect(stderr).toContain(`No task ${UNKNOWN_ID} is known in namespace ${place.namespace}`);
    };
    expectNotFound(await place.run('task', UNKNOWN_ID));
    expectNotFound(await place.run('cancel', UNKNOWN_ID));
    expect((await place.json('task', '42')).error).toMatchObject({ code: 'E_NOT_FOUND' });
    expect(await place.run('parked')).toMatchObject({ code: 0, stdout: 'No task is parked.\n' });
  });
});
