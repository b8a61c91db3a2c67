import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { plainClient, startRedis } from '../support/redis.ts';
import { MUTATIONS } from './mutations.ts';
import { protocolModel } from './protocol.ts';
import type { Scenario } from './scenario.ts';
import { LONG_SCENARIOS, SCENARIOS } from './scenarios.ts';
import { ScriptMemo } from './script-memo.ts';
import { type Violation, walk } from './walk.ts';

/** Bigger scenarios as well: minutes instead of seconds. */
const IS_LONG = process.env.HYBRID_MODEL === 'long';
const TIME_LIMIT_MS = IS_LONG ? 3_600_000 : 120_000;
const SHORT = Object.entries<Scenario>(SCENARIOS);
const WALKED = IS_LONG ? [...SHORT, ...Object.entries<Scenario>(LONG_SCENARIOS)] : SHORT;
const MOST_STATES = IS_LONG ? 6_000_000 : 60_000;

let memo: ScriptMemo;
const report: string[] = [];

beforeAll(async () => {
  // A server of its own: its database is emptied before every script call.
  const server = await startRedis();
  memo = new ScriptMemo(plainClient(server.url));
});

afterAll(() => {
  process.stdout.write(`${report.join('\n')}\n${memo.size} different script calls were run on Redis.\n`);
});

describe('the protocol, every way it can go', () => {
  it.each(WALKED)(
    'keeps its promises: %s',
    async (name, scenario) => {
      const startedAt = performance.now();
      const { states, steps, violations } = await walk(protocolModel(scenario, memo), {
        mostStates: MOST_STATES,
      });
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      report.push(`${name.padEnd(48)} ${states} states, ${steps} steps, ${seconds} s`);
      expect(violations.map(asText)).toEqual([]);
    },
    TIME_LIMIT_MS,
  );
});

describe('a rule that is taken out is missed', () => {
  it.each(MUTATIONS)(
    '$rule',
    async ({ rule, change, without, scenario, breaks }) => {
      const model = protocolModel(SCENARIOS[scenario], memo, without ? { [without]: false } : {}, change);
      const { states, violations } = await walk(model, { mostStates: MOST_STATES, stopsAtFirst: true });
      report.push(`without: ${rule.padEnd(56)} ${states} states`);
      expect(violations[0]?.promise).toBe(breaks);
    },
    TIME_LIMIT_MS,
  );
});

/** With the shortest way to it. */
function asText({ promise, trace }: Violation): string {
  return [`broken: ${promise}`, ...trace.map((step, i) => `  ${i + 1}. ${step}`)].join('\n');
}
