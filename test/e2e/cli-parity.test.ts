import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { exitCodeOf, shownError } from '../../src/cli/failure.ts';
import { createProgram } from '../../src/cli/program.ts';
import { HybridWorker, loadConfig, type ReplayResult } from '../../src/index.ts';
import { type CliPlace, cli, cliPlace } from '../support/cli.ts';
import { compiled } from '../support/compiled.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { plainClient, redisUrl } from '../support/redis.ts';
import { tasks } from '../support/shadow-app.ts';
import { waitFor } from '../support/wait-for.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

const APP = ['--app', compiled('test/support/shadow-app.ts')];
const REPLAY = ['parity', 'replay', '--from'];
const workers: HybridWorker[] = [];
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop({ graceMs: 0 });
});

/** A worker of the place in this process, which costs less than one of its own. */
async function work({ dir }: CliPlace): Promise<RecordingLog> {
  const log = new RecordingLog();
  const config = await loadConfig({
    file: join(dir, 'hybrid.yaml'),
    cwd: dir,
    env: { REDIS_URL: redisUrl() },
  });
  const settings = { config, tasks, log, followConfigFile: false };
  workers.push(await HybridWorker.open(settings));
  return log;
}

const linesOf = (...ns: readonly unknown[]) => ns.map((n) => `{"n":${n}}`).join('\n');
const replayed = (place: CliPlace, input: string, ...args: string[]) =>
  cli([...REPLAY, '-', ...args, ...APP, ...place.at], { input });
/** What a refused replay says. In this process, for speed. */
async function refusal(place: CliPlace, file: string, ...more: string[]): Promise<string> {
  const error = await createProgram()
    .parseAsync([...REPLAY, file, ...more, ...APP, ...place.at], { from: 'user' })
    .catch((thrown: unknown) => thrown);
  const { message, code } = shownError(error);
  expect({ message, exit: exitCodeOf(error) }).toEqual({ message, exit: 2 });
  return `${message} (${code})`;
}
const openCopies = (place: CliPlace) => plainClient().zcard(`{${place.namespace}}:open:copies`);

describe('hybrid parity replay', () => {
  it('runs lines of a pipe or a file on both backends, and its exit code says whether they are equal', async () => {
    const place = cliPlace();
    const log = await work(place);
    const named = [
      '\uFEFF{"task":"double","input":{"n":1}}\r',
      '',
      '  ',
      '{"input":{"n":2},"task":"double"}',
    ];
    const file = place.write('inputs.jsonl', linesOf(3, 4, 13));
    const [equal, different, json] = await Promise.all([
      replayed(place, named.join('\n')),
      place.run(...REPLAY, file, '--task', 'double', ...APP),
      replayed(place, linesOf(23, 4), '--task', 'double', '--json'),
    ]);
    // Where a pair was left open, the worker knows more.
    const told = [equal, different, json].some(({ code }) => code === 3) ? log.lines : [];
    expect(told).toEqual([]);
    expect(equal).toEqual({ code: 0, stdout: '2 inputs replayed: 2 equal, 0 different\n', stderr: '' });
    expect(different).toMatchObject({ code: 1, stderr: '' });
    expect(different.stdout.match(/ {2}\/doubled: stable \d+ -> canary -1$/gm)).toHaveLength(2);
    expect(different.stdout).toMatch(/\n3 inputs replayed: 1 equal, 2 different\n$/);
    expect(json).toMatchObject({ code: 1, stderr: '' });
    const result = JSON.parse(json.stdout) as ReplayResult;
    expect(result).toMatchObject({ submitted: 2, matched: 1, mismatched: 1, open: 0, isComplete: true });
    expect(result.mismatches).toMatchObject([{ differences: [{ path: '/doubled', stable: '46' }] }]);
  });

  it('names the line that cannot be replayed, and why', async () => {
    const place = cliPlace();
    await place.begin();
    const good = '{"task":"double","input":{"n":1}}';
    const broken = [good, '', '{"task": SECRET}', good].join('\n');
    const [json, unfit, first] = await Promise.all([
      replayed(place, broken, '--timeout', '300ms'),
      replayed(place, linesOf(1, 2, '"SECRET"'), '--task', 'double', '--timeout', '300ms'),
      replayed(place, linesOf('"SECRET"', 1), '--task', 'double'),
    ]);
    expect(json.stderr).toMatch(
      /^1 pair had no result yet\. .*\nIt ended at line 3\.\nerror: Line 3 is not JSON.*\(E_USAGE\)$/m,
    );
    expect(unfit.stderr).toMatch(/^2 pairs had no result yet\. .*\nIt ended at line 3\.\nerror: /);
    // Nothing was run.
    expect(first.stderr).toMatch(/^It ended at line 1\.\nerror: /);
    for (const { stderr } of [unfit, first])
      expect(stderr).toMatch(/^error: .*task "double"(.|\n)*\(E_INVALID_PAYLOAD\)$/m);
    expect([json, unfit, first].map(({ stdout }) => stdout)).toEqual([
      '1 input replayed: 0 equal, 0 different\n',
      '2 inputs replayed: 0 equal, 0 different\n',
      '',
    ]);
    for (const { code, stderr } of [json, unfit, first]) {
      expect(code).toBe(2);
      expect(stderr).not.toMatch(/SECRET|\n\s+at /);
    }
    const refused = (...lines: string[]) => refusal(place, place.write('inputs.jsonl', lines.join('\n')));
    expect(await refused('{"n":"SECRET"}')).toMatch(/^Line 1 does not say its task; allowed: an object like/);
    expect(await refused('{"task":"tripel","input":1}')).toMatch(/"tripel".*double.*\(E_UNKNOWN_TASK\)$/);
    expect(await refused('{"task":"once","input":{"n":1}}')).toMatch(
      /"once".*shadowSafe: true.*\(E_INVALID_SUBMISSION\)$/,
    );
    expect(await refusal(place, 'nowhere.jsonl')).toMatch(/^nowhere\.jsonl cannot be read \(ENOENT\); /);
    expect(await refusal(place, place.dir)).toMatch(/ is a folder; allowed: a file/);
  });

  it('gives the result of what was before a line that is not right', async () => {
    const place = cliPlace();
    await work(place);
    const input = linesOf(1, 13, 'SECRET');
    const [text, json] = await Promise.all([
      replayed(place, input, '--task', 'double'),
      replayed(place, input, '--task', 'double', '--json'),
    ]);
    expect(text.code).toBe(2);
    expect(text.stdout).toMatch(/ {2}\/doubled: (.|\n)*\n2 inputs replayed: 1 equal, 1 different\n$/);
    expect(text.stderr).toMatch(/^It ended at line 3\.\nerror: Line 3 is not JSON.*\(E_USAGE\)\n$/);
    expect(json.code).toBe(2);
    const counts = { submitted: 2, matched: 1, mismatched: 1, isComplete: false };
    expect(JSON.parse(json.stdout)).toMatchObject({ ...counts, error: { code: 'E_USAGE' } });
    expect(json.stderr).toBe('It ended at line 3.\n');
  });

  it('refuses a line that is no UTF-8, because what it would run is not what stands there', async () => {
    const place = cliPlace();
    await place.begin();
    const file = join(place.dir, 'latin.jsonl');
    const lines = ['{"task":"double","input":{"n":1}}\n', '{"task":"double","input":{"n":2,"of":"é"}}\n'];
    writeFileSync(file, Buffer.concat(lines.map((line) => Buffer.from(line, 'latin1'))));
    expect(await refusal(place, file, '--timeout', '300ms')).toBe(
      'Line 2 is not UTF-8. Allowed: JSON in UTF-8. (E_USAGE)',
    );
    // Both copies of the first line, and nothing of the second.
    expect(await openCopies(place)).toBe(2);
  });

  it('says where nothing was compared, and what to do', async () => {
    const place = cliPlace();
    await place.begin();
    const lines = linesOf(1, 2, 3);
    const [nobody, nothing] = await Promise.all([
      replayed(place, lines, '--task', 'double', '--timeout', '300ms'),
      replayed(place, '\n \n', '--task', 'double'),
    ]);
    expect(nobody).toMatchObject({ code: 3, stdout: '3 inputs replayed: 0 equal, 0 different\n' });
    expect(nobody.stderr).toBe(
      '3 pairs had no result yet. Do workers of both backends run? See: hybrid status ' +
        `${place.at.join(' ')}\n`,
    );
    expect(nothing).toEqual({
      code: 3,
      stdout: '',
      stderr: 'Nothing to replay: the input has no line.\n',
    });

    const manager = await place.manager();
    await manager.freeze({ reason: 'test' });
    await manager.close();
    const frozen = await replayed(place, lines, '--task', 'double');
    expect(frozen).toMatchObject({ code: 3, stdout: '' });
    expect(frozen.stderr).toMatch(/\(E_FROZEN\)\n$/);
  });

  it('ends with Ctrl-C, waiting for results or for its input, and says what it has', async () => {
    const place = cliPlace();
    await place.begin();
    const file = place.write('inputs.jsonl', linesOf(1, 2));
    const waiting = place.start(...REPLAY, file, '--task', 'double', ...APP);
    await waitFor(async () => (await openCopies(place)) === 4, { what: 'both pairs', timeoutMs: 30_000 });
    waiting.kill('SIGINT');
    const { code, stdout, stderr } = await waiting.ended;
    expect({ code, stdout }).toEqual({ code: 3, stdout: '2 inputs replayed: 0 equal, 0 different\n' });
    expect(stderr).toMatch(/^2 pairs had no result yet\./m);

    const other = cliPlace();
    await other.begin();
    const { NODE_OPTIONS: _jest, ...env } = process.env;
    const args = [compiled('src/cli/main.ts'), ...REPLAY, '-', '--task', 'double', ...APP, ...other.at];
    const reading = spawn(process.execPath, args, { cwd: other.dir, env, stdio: ['pipe', 'ignore', 'pipe'] });
    try {
      reading.stdin.write(`${linesOf(1)}\n`);
      let told = '';
      reading.stderr.setEncoding('utf8').on('data', (text: string) => {
        told += text;
      });
      await waitFor(async () => (await openCopies(other)) === 2, { what: 'the pair', timeoutMs: 30_000 });
      reading.kill('SIGINT');
      expect(await once(reading, 'close')).toEqual([3, null]);
      expect(told).toMatch(/^The rest of the input was not replayed/);
    } finally {
      reading.kill('SIGKILL');
    }
  });
});
