import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { APP, type CliResult, cli, cliPlace } from '../support/cli.ts';
import { startRedis } from '../support/redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'hybrid-cli-redis-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One sentence on standard error, nothing else anywhere, and no secret in it. */
function expectOneSentence({ code, stdout, stderr }: CliResult, problem: RegExp): void {
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(problem);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).not.toContain('secret');
}

// Each run of the command line loads all of its libraries.
jest.setTimeout(90_000);

describe('a Redis that cannot be used', () => {
  it('because nothing listens there is said so', async () => {
    const url = ['--redis', 'redis://127.0.0.1:1'];
    const [status, worker, json] = await Promise.all([
      cli(['status', ...url]),
      cli(['worker', ...cliPlace().at.slice(0, 2), ...url]),
      cli(['status', '--json', ...url]),
    ]);
    expectOneSentence(status, /^error: Redis at 127\.0\.0\.1:1: .*\(E_REDIS_UNREACHABLE\)\n$/);
    expectOneSentence(worker, /E_REDIS_UNREACHABLE/);
    expect(json).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(json.stdout).error.code).toBe('E_REDIS_UNREACHABLE');
  });

  it('because the password is wrong or missing is said so', async () => {
    const { port } = await startRedis({ requirepass: 'right' });
    const [wrong, missing] = await Promise.all([
      cli(['status', '--redis', `redis://:secret@127.0.0.1:${port}`]),
      cli(['status'], { env: { REDIS_URL: `redis://127.0.0.1:${port}` } }),
    ]);
    expectOneSentence(wrong, /password/);
    expectOneSentence(missing, /password/);
  });

  it('because one side speaks TLS is said so', async () => {
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-days', '2', '-nodes'];
    const files = ['-keyout', keyFile, '-out', certFile];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject, ...files], {
      stdio: 'ignore',
    });
    const [tls, plain] = await Promise.all([startRedis({ tls: { certFile, keyFile } }), startRedis()]);
    const [toTls, toPlain] = await Promise.all([
      cli(['status', '--redis', `redis://127.0.0.1:${tls.port}`]),
      cli(['status', '--redis', `rediss://127.0.0.1:${plain.port}`]),
    ]);
    expectOneSentence(toTls, /TLS/);
    expectOneSentence(toPlain, /TLS/);
  });

  it('because it throws keys away is said so', async () => {
    const { url } = await startRedis({ maxmemory: '10mb', maxmemoryPolicy: 'allkeys-lru' });
    expectOneSentence(
      await cli(['status', '--redis', url]),
      /maxmemory-policy is allkeys-lru.*E_REDIS_UNSUITABLE/,
    );
  });

  it('because it takes the connection and stays silent is given up', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    try {
      const result = await cli(['freeze', '--reason', 'x', '--redis', `redis://127.0.0.1:${port}`]);
      expectOneSentence(result, /answered nothing within/);
    } finally {
      silent.close();
    }
  });
});

describe('without a Redis of your own', () => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(folder, 'private-'));
  });

  it('a private one is started by a submission and no other command, and used from then on', async () => {
    const operating = [['freeze', '--reason', 'x'], ['status'], ['ratio'], ['cancel', 'task-1']];
    const refused = await Promise.all(operating.map((args) => cli(args, { cwd: dir })));
    for (const { code, stdout, stderr } of refused) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/REDIS_URL: given nothing, and no private Redis .*\(E_INVALID_CONFIG\)\n$/);
    }
    expect(existsSync(join(dir, '.hybrid'))).toBe(false);
    const submitted = await cli(['submit', 'add', '--data', '{"a":1,"b":1}', '--app', APP], { cwd: dir });
    expect(submitted).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await cli(['ratio', '0.25', '--reason', 'try'], { cwd: dir });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Ratio: 0 -> 0.25, live at epoch 2.\n' });
    expect(stderr).toMatch(/^Using a private Redis on 127\.0\.0\.1:\d+, .* not for production\./);
    const again = await cli(['ratio', '--json'], { cwd: dir });
    expect(JSON.parse(again.stdout)).toMatchObject({ celeryRatio: 0.25, epoch: 2, reason: 'try' });
  });

  it('none is started where NODE_ENV says production', async () => {
    const env = { NODE_ENV: 'production' };
    const elsewhere = mkdtempSync(join(folder, 'production-'));
    const { code, stderr } = await cli(['freeze', '--reason', 'x'], { cwd: elsewhere, env });
    expect(code).toBe(2);
    expect(stderr).toContain('REDIS_URL: given nothing');
    expect(existsSync(join(elsewhere, '.hybrid'))).toBe(false);
  });
});
