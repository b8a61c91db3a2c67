import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { exitCodeOf, shownError } from '../../src/cli/failure.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Mismatch, Pair } from '../../src/domain/parity.ts';
import { type ComparisonReport, loadConfig } from '../../src/index.ts';
import { type Connections, openConnections } from '../../src/manager/connections.ts';
import { type CliResult, cliPlace } from '../support/cli.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { plainClient, redisUrl } from '../support/redis.ts';
import { announce } from '../support/shadow-scene.ts';

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

const place = cliPlace('parity: { sampleRate: 1 }');
const empty = cliPlace();
/** Clears the screen, sets the window's title, and turns what follows around. */
const HOSTILE = '\u001b[2J\u001b]0;owned\u0007\u202eabc\r\n你好';

beforeAll(async () => {
  await empty.begin();
  const file = join(place.dir, 'hybrid.yaml');
  const config = await loadConfig({ file, cwd: place.dir, env: { REDIS_URL: redisUrl() } });
  const c = await openConnections(config, 'test', new RecordingLog());
  await place.begin();
  for (const task of ['same', 'odd']) {
    for (const backend of ['stable', 'canary'] as const) {
      for (const counter of ['submitted', 'randomised', 'succeeded'] as const) {
        c.meter.count(task, backend, 'assigned', counter, 500);
      }
      c.meter.count(task, backend, 'assigned', 'expectedCanary', 250);
      c.meter.count(task, backend, 'assigned', 'variance', 125);
      for (const timing of ['wait', 'run', 'total'] as const) {
        for (let n = 0; n < 500; n++) c.meter.time(task, backend, 'assigned', timing, 10 + (n % 7));
      }
    }
    await settlePairs(c, task, 600, task === 'odd' ? 200 : 0);
  }
  await c.meter.flush();
  await c.close();
});

/** Of these pairs the last few differ. */
async function settlePairs(c: Connections, task: string, count: number, different: number): Promise<void> {
  const pairs: Pair[] = Array.from({ length: count }, (_, n) => ({
    task,
    kind: 'shadow',
    primary: `task-${task}-${n}`,
    copy: `task-${task}-copy-${n}`,
    madeAt: 1,
    deadline: 2,
    replay: null,
  }));
  await announce(plainClient(), place.namespace, pairs);
  const at = await c.figures.now();
  const settled = pairs.map((pair, n) => {
    if (n < count - different)
      return {
        pair,
        verdict: 'matched' as const,
        cell: { counts: { compared: 1, matched: 1 } },
        mismatch: null,
      };
    const cell = { counts: { compared: 1, value: 1 }, paths: { '/title': 1 } };
    return { pair, verdict: 'mismatched' as const, cell, mismatch: mismatchOf(pair, at) };
  });
  await c.pairs.settle(settled);
}

function mismatchOf({ task, primary, copy }: Pair, at: number): Mismatch {
  const values = { stable: JSON.stringify('标题'), canary: HOSTILE };
  const differences = [{ path: '/title', change: 'changed' as const, ...values }];
  return {
    at,
    task,
    pair: 'shadow',
    kind: 'value',
    primary,
    copy,
    replay: null,
    differences,
    note: null,
    ...values,
  };
}

/** What a refused command says. In this process, for speed. */
async function refusal(...args: string[]): Promise<string> {
  const error = await createProgram()
    .parseAsync(['report', ...args, ...place.at], { from: 'user' })
    .catch((thrown: unknown) => thrown);
  const { message, code } = shownError(error);
  expect({ message, exit: exitCodeOf(error) }).toEqual({ message, exit: 2 });
  return `${message} (${code})`;
}

/** Nothing that a terminal obeys, and what people read is as it is. */
function expectHarmless(text: string): void {
  const obeyed = [...text].filter((char) => (char < ' ' && char !== '\n') || '\u202e\u007f'.includes(char));
  expect(obeyed).toEqual([]);
  expect(text).toContain('你好');
  expect(text).toContain('标题');
}

describe('hybrid report', () => {
  it('begins with the verdict; the exit code tells it where that is asked for', async () => {
    const [same, all, quiet] = await Promise.all([
      place.run('report', '--task', 'same', '--exit-code'),
      place.run('report', '--exit-code', '--json', '--since', new Date(Date.now() - 600_000).toISOString()),
      place.run('report', '--since', '3h', '--until', '2h', '--exit-code'),
    ]);
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).toMatch(/^verdict: successful · same: /);
    expect(same.stdout).not.toContain('odd');
    expect(same.stdout).not.toContain('\u001b');

    expect(all).toMatchObject({ code: 1, stderr: '' });
    const report = JSON.parse(all.stdout) as ComparisonReport;
    expect(report.verdict).toBe('failed');
    expect(report.headline).toMatch(/^failed: odd: 200 of 600 pairs differ/);
    expect(report.tasks.map(({ task, verdict }) => [task, verdict])).toEqual([
      ['odd', 'failed'],
      ['same', 'successful'],
    ]);
    expect(report.window.to - report.window.from).toBeLessThan(13 * 60_000);

    expect(quiet).toMatchObject({ code: 3, stderr: '' });
    expect(quiet.stdout).toMatch(
      /^verdict: inconclusive · nothing has run in this window\n.* \(1 h( 1 min)?\)\n/,
    );
  });

  it('of a failed task shows what differs, without letting it steer the terminal', async () => {
    const { code, stdout } = await place.run('report', '--task', 'odd');
    // Without --exit-code a verdict is no failure of the command.
    expect(code).toBe(0);
    expect(stdout).toContain('/title');
    expectHarmless(stdout);
  });

  it('is written where --out says, in the form of its ending, with the folders it needs', async () => {
    const old = place.write('old.xml', 'x'.repeat(100_000));
    const page = join(place.dir, 'deep/er/Report.HTML');
    const results = await Promise.all([
      place.run('report', '--out', page, '--exit-code'),
      place.run('report', '--out', 'old.xml'),
      place.run('report', '--out', 'report.txt', '--format', 'md', '--task', 'odd'),
    ]);
    const told = results.map(({ code, stdout }: CliResult) => [code, stdout]);
    expect(told).toEqual([
      [1, ''],
      [0, ''],
      [0, ''],
    ]);
    expect(results[0]?.stderr).toMatch(/^failed: odd: .*\nWritten to .*deep\/er\/Report\.HTML\.\n$/);
    const html = readFileSync(page, 'utf8');
    expect(html).toMatch(/^<!doctype html>/i);
    expect(html.trimEnd()).toMatch(/<\/html>$/);
    expect(html).toContain('你好');
    // It holds results of tasks.
    expect(statSync(page).mode & 0o077).toBe(0);
    expect(readFileSync(old, 'utf8')).toMatch(/^<\?xml(.|\n)*<\/testsuites>\n*$/);
    expect(readFileSync(join(place.dir, 'report.txt'), 'utf8')).toMatch(/^## Failed: odd: /);
  });

  it('says what keeps canary without figures, and the command that ends it', async () => {
    const manager = await empty.manager();
    await manager.freeze({ reason: 'a test' });
    await manager.close();
    const { code, stdout } = await empty.run('report', '--namespace', empty.namespace);
    expect(code).toBe(0);
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toMatch(/^verdict: inconclusive · nothing has run in this window; frozen since \S+Z /);
    expect(text).toMatch(
      /note Frozen since \S+Z: .* hybrid resume --reason "\.\.\." --config \S+ --namespace \S+ --redis \S+, then hybrid/,
    );
    expect(text).toMatch(/note No worker is running \(as of \S+Z\), .*: hybrid worker --config \S+\.yaml /);
  });

  it('that cannot be written is a usage error, without a stack', async () => {
    const file = place.write('file', '');
    mkdirSync(join(place.dir, 'folder.md'));
    const printed = await place.run('report', '--out', join(file, 'report.md'));
    expect(printed).toMatchObject({ code: 2, stdout: '' });
    expect(printed.stderr).toMatch(
      /^error: The report cannot be written to .*file\/report\.md \(E(NOTDIR|EXIST)\); allowed: a file in a folder that you may write to\. \(E_USAGE\)\n$/,
    );
    expect(await refusal('--out', join(place.dir, 'folder.md'))).toContain('folder.md (EISDIR); allowed:');
  });
});

describe('a report that cannot be made', () => {
  it.each([
    [['--since', 'yesterday'], 'Allowed: how long ago (15m, 1h, 7d), or a date like 2026-11-22T09:00Z.'],
    [['--since', '2026-13-45'], 'Allowed: how long ago'],
    [['--since', '2026-02-31'], 'Allowed: how long ago'],
    [['--until', '2025-02-29T10:00Z'], 'Allowed: how long ago'],
    [['--since', '-1h'], 'Allowed: how long ago'],
    [['--until', '1 h'], 'Allowed: how long ago'],
    [['--until', '3 days ago'], 'Allowed: how long ago'],
    [['--since', '1h', '--until', '2h'], 'allowed: a window that begins before it ends'],
    [['--since', '2999-01-01', '--until', '2999-01-02'], 'which lies in the future'],
    [['--since', '60d', '--until', '40d'], 'which is forgotten'],
    [['--format', 'pdf'], 'Allowed choices are terminal, html, md, json, junit.'],
    [['--json', '--format', 'md'], '--json is --format json; give one.'],
    [['--open', '--format', 'json'], '--open is for --format html.'],
    [['--open', '--json'], '--open is for --format html.'],
    [['--open', '--out', 'r.xml'], '--open is for html, and --out ends otherwise.'],
    [['--out', 'report'], 'allowed: an ending .html, .md, .json or .xml, or --format.'],
    [['--out', 'report.pdf'], '--out report.pdf does not say which form'],
    [['odd'], 'too many arguments'],
  ])('%j', async (args, text) => {
    const said = await refusal(...args);
    expect(said).toContain(text);
    expect(said).not.toMatch(/\n\s+at /);
  });

  it('of a namespace that nobody has is none of an empty one', async () => {
    const { code, stdout, stderr } = await place.run('report', '--namespace', 'no-such-place');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: .*no-such-place.* \(E_UNKNOWN_NAMESPACE\)\n$/);
  });
});

describe('hybrid parity mismatches', () => {
  it('lists the newest, field by field, and lets none of them steer the terminal', async () => {
    const [some, json, none, nobody] = await Promise.all([
      place.run('parity', 'mismatches', '--task', 'odd', '--limit', '2'),
      place.json<Mismatch[]>('parity', 'mismatches', '--limit', '1000'),
      place.run('parity', 'mismatches', '--task', 'same'),
      empty.run('parity', 'mismatches'),
    ]);
    expect(some).toMatchObject({ code: 0, stderr: '' });
    expect(some.stdout.match(/^odd: /gm)).toHaveLength(2);
    expect(some.stdout).toContain('/title: stable "标题" -> canary \\u001b[2J');
    expect(some.stdout).toContain('task-odd-599');
    expectHarmless(some.stdout);
    expect(json).toHaveLength(200);
    expect(json[0]).toMatchObject({ task: 'odd', kind: 'value', canary: HOSTILE });
    expect([none.stdout, nobody.stdout]).toEqual([
      'No mismatch is kept of same.\n',
      'No mismatch is kept.\n',
    ]);
  });
});
