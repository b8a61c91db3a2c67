import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { redisUrl } from '../support/redis.ts';
import { argsOf, QUESTION, RollbackScript, type RunOptions, writeTool } from '../support/rollback-script.ts';
import { waitFor } from '../support/wait-for.ts';

const FROZEN = { freeze: { out: 'Frozen.\n' } };
const fail = (code: number, err = '') => ({ freeze: { code, err } });
const script = RollbackScript.forThisFile();

describe('rollback.sh: the question', () => {
  it.each(['y\n', 'Y\n', 'yes\n', 'YES\n'])('goes on after %j', (answer) => {
    const { status, stdout, calls } = script.onTerminal('./rollback.sh', answer);
    expect({ status, said: stdout.split(QUESTION).length - 1 }).toEqual({ status: 0, said: 1 });
    expect(argsOf(calls).map(([command]) => command)).toEqual(['freeze', 'rollback']);
  });

  it.each(['\n', 'n\n', 'yeah\n', ' y e s\n', '\u0004'])('changes nothing after %j', (answer) => {
    const { status, stdout, calls } = script.onTerminal('./rollback.sh', answer);
    expect({ status, calls }).toEqual({ status: 2, calls: [] });
    expect(stdout).toContain(QUESTION);
    expect(stdout).toContain('Nothing was changed.');
  });

  it.each(['./rollback.sh --yes', './rollback.sh --dry-run', './rollback.sh </dev/null'])(
    'is not asked by %s',
    (command) => {
      const { status, stdout, calls } = script.onTerminal(command, '');
      expect(status).toBe(0);
      expect(stdout).not.toContain('[y/N]');
      expect(argsOf(calls).at(-1)?.[0]).toBe('rollback');
    },
  );

  it('is asked where only the output is a pipe, and stays out of it', () => {
    const { stdout, calls } = script.onTerminal('./rollback.sh --json | cat >out', 'y\n', {
      cli: { rollback: { out: '{}' } },
    });
    expect(stdout).toContain(QUESTION);
    expect(readFileSync(join(script.project, 'out'), 'utf8')).toBe('{}');
    expect(calls).toHaveLength(2);
  });
});

describe('rollback.sh, interrupted', () => {
  const UNCHANGED = 'Interrupted. Nothing was changed.';
  const UNSURE =
    'Interrupted while freezing: it may be frozen or not. Run it again, or look: npx hybrid status';

  /** Everything that a process says and ends with; `react` gets what it has said until now. */
  async function endOf(child: ReturnType<typeof script.start>, react: (said: string) => void = () => {}) {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        react(said);
      });
    }
    const [status] = await once(child, 'close');
    return { status, said: said.replaceAll('\r', '') };
  }

  /** To the script and everything that it has started, as Ctrl-C does. */
  const toGroup = (pid: number | undefined, signal: NodeJS.Signals) => process.kill(-(pid as number), signal);

  it('by Ctrl-C at the question: nothing was changed', async () => {
    const child = script.startOnTerminal('./rollback.sh');
    const { status, said } = await endOf(child, (text) => {
      if (text.endsWith(QUESTION)) child.stdin.write('\u0003');
    });
    expect({ status, calls: script.calls }).toEqual({ status: 130, calls: [] });
    expect(said).toBe(`${QUESTION}^C\n${UNCHANGED}\n`);
  });

  it('by SIGTERM at the question: nothing was changed', async () => {
    const child = script.startOnTerminal('echo $$; exec ./rollback.sh');
    const { status, said } = await endOf(child, (text) => {
      if (text.endsWith(QUESTION)) process.kill(Number.parseInt(text, 10), 'SIGTERM');
    });
    expect({ status, calls: script.calls }).toEqual({ status: 143, calls: [] });
    expect(said.slice(said.indexOf(QUESTION))).toBe(`${QUESTION}\n${UNCHANGED}\n`);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s before the freeze: nothing was changed', async (signal, code) => {
    const path = script.machineWith('timeout', 'redis-cli');
    writeTool(path, 'node', "echo >>'begun'", 'exec sleep 60');
    const child = script.start([], { path });
    const end = endOf(child);
    await begun('begun');
    toGroup(child.pid, signal);
    expect(await end).toEqual({ status: code, said: `${UNCHANGED}\n` });
  });

  it.each([
    ['SIGINT', 130, 'timeout'],
    ['SIGTERM', 143, 'timeout'],
    ['SIGINT', 130, 'no timeout'],
    ['SIGTERM', 143, 'no timeout'],
  ] as const)('by %s while the CLI freezes: it may be frozen or not', async (signal, code, machine) => {
    const path = script.machineWith('node', 'redis-cli', ...(machine === 'timeout' ? ['timeout'] : []));
    const child = script.start(['--json'], { path, cli: { freeze: { neverEnds: true } } });
    const end = endOf(child);
    await begun('calls');
    toGroup(child.pid, signal);
    expect(await end).toEqual({ status: code, said: `${UNSURE}\n` });
    expect(argsOf(script.calls).map(([command]) => command)).toEqual(['freeze']);
  });

  it.each([
    ['EXISTS', UNCHANGED],
    ['--eval', UNSURE],
  ])('while redis-cli does %s: %s', async (command, words) => {
    const path = script.machineWith('timeout');
    const hang = `case "$*" in *${command}*) echo >>begun; exec sleep 60 ;; esac`;
    writeTool(path, 'redis-cli', hang, 'echo 1');
    const child = script.start(['--redis', 'redis://h:1'], { path });
    const end = endOf(child);
    await begun('begun');
    toGroup(child.pid, 'SIGINT');
    expect(await end).toEqual({ status: 130, said: `${words}\n` });
  });

  /** A file is there before what is written into it. */
  const begun = (file: string) => {
    const path = join(script.project, file);
    const hasLine = () => existsSync(path) && readFileSync(path, 'utf8').endsWith('\n');
    return waitFor(hasLine, { what: `a line in ${file}` });
  };
});

describe('rollback.sh: the red button through the CLI', () => {
  it('keeps the words of the freeze away from the JSON, and ends as the rest does', () => {
    const cli = {
      freeze: { out: 'Frozen.\n', err: 'warning: w\n' },
      rollback: { code: 3, out: '{}', err: 'e' },
    };
    const { calls, ...rest } = script.run(['--json'], { cli });
    expect(rest).toEqual({ status: 3, stdout: '{}', stderr: 'Frozen.\nwarning: w\ne' });
    expect(calls).toHaveLength(2);
  });

  it('ends with 2 when the CLI does not know the namespace, without a second try', () => {
    const sentence = `Redis on h has no namespace ${script.namespace}`;
    const options = { cli: fail(2, `error: ${sentence} (E_UNKNOWN_NAMESPACE)\n`) };
    const args = ['--redis', redisUrl(), '--namespace', script.namespace];
    const { calls, ...rest } = script.run(args, options);
    expect(rest).toEqual({ status: 2, stdout: '', stderr: `error: ${sentence} (E_UNKNOWN_NAMESPACE)\n` });
    expect(calls).toHaveLength(1);
    expect(JSON.parse(script.run([...args, '--json'], options).stdout)).toEqual({
      error: { code: 'E_UNKNOWN_NAMESPACE', message: sentence },
    });
  });

  it.each<[string, RunOptions, string]>([
    [
      'the config is broken',
      { cli: fail(2, 'error: c cannot be used:\n  a: given 1; allowed: 2 (E_INVALID_CONFIG)\n') },
      'c cannot be used: a: given 1; allowed: 2 (E_INVALID_CONFIG). Mend that',
    ],
    [
      'the CLI crashes',
      { cli: fail(1, 'node:internal\n  throw\nError: Cannot find package "ioredis"\n    at x\n') },
      'Error: Cannot find package "ioredis".',
    ],
    ['the CLI dies without a word', { cli: fail(7) }, '`hybrid freeze` ended with code 7'],
    [
      'the CLI cannot reach what redis-cli can',
      { cli: fail(1, 'error: No Redis. (E_REDIS_UNREACHABLE)\n') },
      'No Redis. (E_REDIS_UNREACHABLE)',
    ],
  ])('takes redis-cli when %s', async (_, options, why) => {
    const { status, stdout, calls } = script.run(
      ['--redis', redisUrl(), '--namespace', script.namespace, '--reason', 'r', '--json'],
      options,
    );
    expect({ status, calls: calls.length }).toEqual({ status: 3, calls: 1 });
    const { problems, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ status: 'needs-person', frozen: true });
    expect(problems).toHaveLength(1);
    expect(problems[0].code).toBe('E_ONLY_FROZEN');
    expect(problems[0].message).toContain(why);
    expect(await script.control()).toMatchObject({
      frozen: 'rollback',
      celeryRatio: '0',
      taskRatios: '{}',
      epoch: '8',
      reason: 'r',
    });
  });

  it.each([
    [
      'an old Node',
      () => {
        writeTool(script.project, 'node', 'exit 1');
        return `${script.project}${delimiter}${process.env.PATH}`;
      },
      'Node 20.19 or newer is needed',
    ],
    [
      'no build',
      () => {
        rmSync(join(script.project, 'dist'), { recursive: true });
        script.copyLua('sources');
        return process.env.PATH ?? '';
      },
      'npm run build',
    ],
  ])('takes redis-cli with %s', async (_, prepare, why) => {
    const { status, stdout } = script.run(['--redis', redisUrl(), '--namespace', script.namespace], {
      path: prepare(),
    });
    expect(status).toBe(3);
    expect(stdout).toContain(why);
    expect((await script.control()).frozen).toBe('rollback');
  });

  it("shows the CLI's own sentence where both cannot reach Redis", () => {
    const err = 'error: Redis on h cannot be reached. (E_REDIS_UNREACHABLE)\n';
    const { status, stdout, stderr } = script.run(['--redis', 'redis://127.0.0.1:1'], { cli: fail(1, err) });
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: err });
    const json = script.run(['--redis', 'redis://127.0.0.1:1', '--json'], { cli: fail(1, err) });
    expect(JSON.parse(json.stdout)).toEqual({
      error: { code: 'E_REDIS_UNREACHABLE', message: 'Redis on h cannot be reached.' },
    });
  });

  describe('with a node that needs long to start', () => {
    /** For this test's `timeout` the time is up at once where the arguments match. */
    function slow(pattern: string): string {
      const path = script.machineWith('node', 'redis-cli');
      const say = 'echo "$*" >>limits';
      writeTool(path, 'timeout', say, `case "$*" in ${pattern}) exit 124 ;; esac`, 'shift 2', '"$@"');
      return path;
    }

    it('tries the CLI all the same', () => {
      const { status, stderr, calls } = script.run([], { path: slow('*" -e "*'), cli: FROZEN });
      expect({ status, stderr }).toEqual({ status: 0, stderr: 'Frozen.\n' });
      expect(argsOf(calls).map(([command]) => command)).toEqual(['freeze', 'rollback']);
      const limits = readFileSync(join(script.project, 'limits'), 'utf8').match(/^--foreground \d+ node/gm);
      expect(limits).toEqual(['--foreground 15 node', '--foreground 30 node']);
    });

    it.each<[string, string, RunOptions['cli'], string]>([
      [
        'never answers',
        '*" node "*',
        {},
        'node did not answer in time (15 s), and `hybrid freeze` gave no answer within 30 s. Mend',
      ],
      [
        'dies without a word',
        '*" -e "*',
        fail(7),
        'node did not answer in time (15 s), and `hybrid freeze` ended with code 7. Mend',
      ],
      [
        'says itself what is wrong',
        '*" -e "*',
        fail(2, 'error: c (E_INVALID_CONFIG)\n'),
        'it: c (E_INVALID_CONFIG).',
      ],
    ])('takes redis-cli where the CLI %s', async (_, pattern, cli = {}, why) => {
      const args = ['--redis', redisUrl(), '--namespace', script.namespace];
      const { status, stdout } = script.run(args, { path: slow(pattern), cli });
      expect({ status, stdout }).toEqual({ status: 3, stdout: expect.stringContaining(why) });
      expect(stdout).not.toContain('20.19');
      expect((await script.control()).frozen).toBe('rollback');
    });

    it('shows a dry run', () => {
      const { status, calls } = script.run(['--dry-run'], { path: slow('*" -e "*') });
      expect({ status, calls: calls.length }).toEqual({ status: 0, calls: 1 });
    });
  });
});
