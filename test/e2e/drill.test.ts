import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { DrillReport } from '../../src/drill/report.ts';
import { runTypeScript } from '../support/child.ts';
import { cli, cliPlace } from '../support/cli.ts';
import { expectNoLeakedConnections, plainClient, redisUrl } from '../support/redis.ts';

const LONG_MS = 60_000;

afterAll(() => expectNoLeakedConnections());

const keysWith = async (text: string) =>
  (await plainClient(redisUrl()).keys('*')).filter((key) => key.includes(text));
const filesOf = (dir: string) =>
  readdirSync(dir)
    .sort()
    .map((name) => [name, readFileSync(join(dir, name), 'utf8')]);

describe('hybrid drill', () => {
  it.concurrent(
    'shows each step, ends with the verdict, and leaves keys and files as they were',
    async () => {
      const place = cliPlace('routing: { celeryRatio: 0.5 }');
      const before = filesOf(place.dir);
      const { code, stdout, stderr } = await place.run('drill', '--tasks', '20', '--seed', '7');
      expect([code, stderr.split('\n').filter((line) => !line.startsWith('✓'))]).toEqual([0, ['']]);
      expect(stderr.match(/^✓/gm)).toHaveLength(10);
      expect(stdout.trim()).toMatch(/^Drill passed: /);
      expect(stdout).toContain('seed 7.');
      const [namespace] = /drill-\d{8}T\d{6}-[0-9a-f]{8}/.exec(stdout) ?? ['none'];
      expect(await keysWith(namespace)).toEqual([]);
      expect(await keysWith(place.namespace)).toEqual([]);
      expect(filesOf(place.dir)).toEqual(before);
    },
    LONG_MS,
  );

  it.concurrent(
    'cleans up after Ctrl-C, and says that nothing is proved',
    async () => {
      const place = cliPlace();
      const running = place.start('drill', '--tasks', '20');
      await running.says('✓ red button');
      running.kill('SIGINT');
      const { code, stdout } = await running.ended;
      expect(code).toBe(130);
      expect(stdout.trim()).toMatch(/^Drill interrupted; it has proved nothing:/);
      const [namespace] = /drill-\d{8}T\d{6}-[0-9a-f]{8}/.exec(stdout) ?? ['none'];
      expect(await keysWith(namespace)).toEqual([]);
    },
    LONG_MS,
  );

  it.concurrent(
    'is exit code 1 with the reason first where Redis does not answer, and 2 for a number out of range',
    async () => {
      const place = cliPlace();
      const dead = await cli(['drill', '--redis', 'redis://127.0.0.1:1'], { cwd: place.dir });
      const usage = await place.run('drill', '--tasks', '3');
      expect([dead.code, usage.code]).toEqual([1, 2]);
      expect(dead.stdout.trim()).toMatch(/^Drill FAILED:\n {2}preflight: .*connection refused/);
      expect(usage.stderr).toContain('Allowed: a whole number from 20 to 2000.');
    },
    LONG_MS,
  );
});

describe('npm run demo -- --drill', () => {
  const demo = (...args: string[]) =>
    runTypeScript(
      { file: 'examples/document-metadata/demo.ts' },
      { args: ['--drill', ...args], env: { REDIS_URL: redisUrl() } },
    );

  it.concurrent(
    'runs the same drill on the Redis of the demo',
    async () => {
      const child = demo('--json');
      let text = '';
      while (!text.endsWith('\n}\n')) text += `${await child.nextLine()}\n`;
      expect(await child.ended).toBe(0);
      const report = JSON.parse(text) as DrillReport;
      expect([report.verdict, report.reasons]).toEqual(['passed', []]);
      expect(await keysWith(report.namespace)).toEqual([]);
    },
    LONG_MS,
  );

  it.concurrent(
    'reads no documents, so it takes none',
    async () => {
      for (const argument of ['README.md', '--limit=3']) {
        const child = demo(argument);
        expect(await child.ended).toBe(2);
        expect(child.complaints()).toMatch(/--drill/);
      }
    },
    LONG_MS,
  );
});
