import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { FlagContext, FlagSource, FlagValue } from '../../src/domain/routing-decision.ts';
import { createFlagSource, type FlagSourceOptions } from '../../src/routing/flags.ts';
import {
  type LaunchDarklyServer,
  type LaunchDarklyServerOptions,
  type ServedFlag,
  startLaunchDarklyServer,
} from '../support/launchdarkly-server.ts';
import { waitFor } from '../support/wait-for.ts';

let problems: string[] = [];
const sources: FlagSource[] = [];
const servers: LaunchDarklyServer[] = [];

beforeEach(() => {
  problems = [];
});
afterEach(async () => {
  await Promise.all(sources.splice(0).map((source) => source.close()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function startServer(options?: LaunchDarklyServerOptions): Promise<LaunchDarklyServer> {
  const server = await startLaunchDarklyServer(options);
  servers.push(server);
  return server;
}

/** Stops it now instead of at the end of the test. */
async function stopServer(server: LaunchDarklyServer): Promise<void> {
  servers.splice(servers.indexOf(server), 1);
  await server.stop();
}

async function openSource(uri: string, options: Partial<FlagSourceOptions> = {}): Promise<FlagSource> {
  const source = await createFlagSource({
    source: 'launchdarkly',
    sdkKey: 'sdk-test-key',
    baseUri: uri,
    streamUri: uri,
    eventsUri: uri,
    onProblem: (message) => problems.push(message),
    initTimeoutMs: 60_000,
    ...options,
  });
  sources.push(source);
  return source;
}

function flag(value: FlagValue, version: number, key = 'hybrid-canary'): ServedFlag {
  return { key, version, on: true, variations: [value], fallthrough: { variation: 0 }, salt: 'salt' };
}

const TASK: FlagContext = {
  stickyKey: 'doc-1',
  task: 'generate-metadata',
  queue: 'metadata_queue',
  attributes: { customer: 'beta' },
};

async function waitForValue(source: FlagSource, value: FlagValue | null): Promise<void> {
  const isRight = async () => ((await source.evaluate(TASK))?.value ?? null) === value;
  await waitFor(isRight, { what: `the flag to say ${value}` });
}

describe('createFlagSource, launchdarkly', () => {
  it('initialises from the stream with the SDK key', async () => {
    const server = await startServer({ flags: [flag('canary', 1)] });
    const source = await openSource(server.uri);
    expect(await source.evaluate(TASK)).toEqual({ key: 'hybrid-canary', value: 'canary', source: 'live' });
    expect(source.describe()).toEqual({ source: 'launchdarkly', state: 'ready' });
    expect(server.keys).toEqual(['sdk-test-key']);
    expect(problems).toEqual([]);
  });

  it('acts on patches, new flags and deletions', async () => {
    const server = await startServer({ flags: [flag(0.1, 1)] });
    const source = await openSource(server.uri);
    await waitForValue(source, 0.1);
    server.patch(flag(0.2, 2));
    await waitForValue(source, 0.2);
    server.patch(flag('canary', 1, 'hybrid-generate-metadata'));
    await waitForValue(source, 'canary');
    server.remove('hybrid-generate-metadata', 2);
    await waitForValue(source, 0.2);
    server.remove('hybrid-canary', 3);
    await waitForValue(source, null);
    expect(problems).toEqual([]);
  });

  it('targets and splits by the task context', async () => {
    const clauses = [{ contextKind: 'task', attribute: 'customer', op: 'in', values: ['beta'] }];
    const rollout = {
      contextKind: 'task',
      variations: [
        { variation: 0, weight: 30_000 },
        { variation: 1, weight: 70_000 },
      ],
    };
    const server = await startServer({
      flags: [
        {
          ...flag(true, 1),
          variations: [true, false],
          rules: [{ id: 'r', variation: 0, clauses }],
          fallthrough: { rollout },
        },
      ],
    });
    const source = await openSource(server.uri);
    expect((await source.evaluate(TASK))?.value).toBe(true);
    const keys = 5_000;
    let canary = 0;
    for (let i = 0; i < keys; i++)
      if ((await source.evaluate({ ...TASK, attributes: {}, stickyKey: `doc-${i}` }))?.value === true)
        canary++;
    expect(Math.abs(canary - keys * 0.3)).toBeLessThan(3 * Math.sqrt(keys * 0.3 * 0.7));
  });

  it('delivers its events before it closes', async () => {
    const server = await startServer({ flags: [flag(true, 1)] });
    const source = await openSource(server.uri);
    await source.evaluate(TASK);
    await source.close();
    expect(server.requests).toContain('POST /bulk');
    expect(server.events.map((event) => event.kind)).toEqual(expect.arrayContaining(['index', 'summary']));
    expect(server.events.find((event) => event.kind === 'index')).toMatchObject({
      context: {
        kind: 'task',
        key: 'doc-1',
        name: 'generate-metadata',
        queue: 'metadata_queue',
        customer: 'beta',
      },
    });
  });

  it('starts without a service that is down, answers nothing, and takes the flags when it is up', async () => {
    const gone = await startServer();
    const port = Number(new URL(gone.uri).port);
    await stopServer(gone);
    const source = await openSource(gone.uri, { initTimeoutMs: 50 });
    expect(await source.evaluate(TASK)).toBeNull();
    await waitFor(() => source.describe().problem?.includes('ECONNREFUSED'), { what: 'the refusal' });
    expect(source.describe()).toMatchObject({ source: 'launchdarkly', state: 'unavailable' });
    await startServer({ port, flags: [flag(0.5, 1)] });
    await waitForValue(source, 0.5);
    expect(source.describe()).toEqual({ source: 'launchdarkly', state: 'ready' });
  });

  it('starts without a service that is silent, within its time limit', async () => {
    const server = await startServer({ behaviour: 'silent' });
    const source = await openSource(server.uri, { initTimeoutMs: 50 });
    expect(source.describe()).toEqual({ source: 'launchdarkly', state: 'initialising' });
    expect(await source.evaluate(TASK)).toBeNull();
    expect(problems).toEqual([
      'No feature flags after 50 ms. The ratio decides until they are there; connecting goes on.',
    ]);
  });

  it('says that the SDK key is wrong, without the key, and does not wait for its time limit', async () => {
    const server = await startServer({ behaviour: 401 });
    const source = await openSource(server.uri, { initTimeoutMs: 600_000 });
    expect(await source.evaluate(TASK)).toBeNull();
    expect(source.describe()).toMatchObject({ source: 'launchdarkly', state: 'unavailable' });
    expect(source.describe().problem).toContain('invalid SDK key');
    expect(problems.join()).not.toContain('sdk-test-key');
  });

  it('keeps the last flags while the service is away, and takes the new ones when it is back', async () => {
    const server = await startServer({ flags: [flag(0.25, 1)] });
    const source = await openSource(server.uri);
    await waitForValue(source, 0.25);
    await stopServer(server);
    await waitFor(() => source.describe().problem, { what: 'the loss to be noticed' });
    expect(await source.evaluate(TASK)).toEqual({ key: 'hybrid-canary', value: 0.25, source: 'last-known' });
    expect(await source.evaluate({ ...TASK, stickyKey: 'never-seen' })).toMatchObject({ value: 0.25 });
    expect(source.describe().state).toBe('ready');
    await startServer({ port: Number(new URL(server.uri).port), flags: [flag(0.75, 2)] });
    await waitForValue(source, 0.75);
    expect(await source.evaluate(TASK)).toMatchObject({ source: 'live' });
    expect(source.describe()).toEqual({ source: 'launchdarkly', state: 'ready' });
  });

  it.each([undefined, '', 'sdk key', 'sdk\nkey', 'schlüssel'])(
    'refuses the SDK key %j without showing it',
    async (sdkKey) => {
      await expect(openSource('http://127.0.0.1:1', { sdkKey })).rejects.toMatchObject({
        code: 'E_INVALID_CONFIG',
        message: expect.not.stringContaining(sdkKey || 'undefined'),
      });
    },
  );

  it('prints nothing by itself', async () => {
    const error = jest.spyOn(console, 'error').mockImplementation(() => {});
    const server = await startServer({ behaviour: 401 });
    const source = await openSource(server.uri, { initTimeoutMs: 5_000 });
    await source.evaluate(TASK);
    await source.close();
    expect(error).not.toHaveBeenCalled();
    error.mockRestore();
    expect(problems).not.toEqual([]);
  });
});
