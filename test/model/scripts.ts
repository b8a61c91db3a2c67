import { readFileSync } from 'node:fs';
import type { BackendName } from '../../src/domain/task.ts';

/** A question to the ledger. The one place that knows the scripts' arguments and answers. */
export type Call =
  | { readonly name: 'accept'; readonly id: string; readonly epoch: string; readonly key: string }
  | {
      readonly name: 'start';
      readonly id: string;
      readonly backend: BackendName;
      readonly worker: string;
      readonly token: string;
    }
  | {
      readonly name: 'finish';
      readonly id: string;
      readonly backend: BackendName;
      readonly token: string;
      readonly state: 'succeeded' | 'failed';
    }
  | { readonly name: 'retry'; readonly id: string; readonly token: string; readonly free: '0' | '1' }
  | { readonly name: 'cancel'; readonly id: string }
  | { readonly name: 'reassign'; readonly ids: readonly string[]; readonly onlyWhileFrozen: boolean }
  | { readonly name: 'claim-key'; readonly id: string; readonly key: string }
  | { readonly name: 'record-outcome'; readonly id: string; readonly by: string }
  | {
      readonly name: 'set-control';
      readonly intent: 'freeze' | 'resume' | 'change';
      readonly ratio: '' | '0' | '1';
    };

export type ScriptName = Call['name'];

/** One rule taken out of a script. `find` stands in it exactly once. */
export interface ScriptChange {
  readonly script: ScriptName | 'prelude';
  readonly find: string;
  readonly replace: string;
}

const SPEC = '{"task":"modelled"}';
const PAYLOAD = '{}';
const TTL = '60';
const CHANNEL = '0';
const MOST_BYTES = '1048576';
const LONG_LEASE_MS = '3600000';
const row = (...fields: readonly string[]): string => `${fields.join('\n')}\n`;

/** As the scripts' headers say; `maxLosses` is the worker's setting. */
export function argumentsOf(call: Call, maxLosses: number): string[] {
  switch (call.name) {
    case 'accept':
      return ['1', row(call.id, call.epoch, SPEC, PAYLOAD, TTL, call.key, TTL)];
    case 'start': {
      const first = [call.backend, call.worker, LONG_LEASE_MS, String(maxLosses)];
      return [...first, '1', row(call.id, call.token, CHANNEL, TTL)];
    }
    case 'finish': {
      const outcome = JSON.stringify({ status: call.state, by: call.token });
      return ['1', row(call.id, call.token, call.backend, call.state, outcome, TTL, CHANNEL, TTL, '0')];
    }
    case 'retry':
      return [call.id, call.token, call.free, '1', CHANNEL];
    case 'cancel':
      return [call.id, CHANNEL];
    case 'reassign':
      return [
        call.onlyWhileFrozen ? 'frozen' : '',
        '1',
        MOST_BYTES,
        '0',
        String(call.ids.length),
        ...call.ids.flatMap((id) => [id, CHANNEL]),
      ];
    case 'claim-key':
      return [call.key, call.id, TTL];
    case 'record-outcome':
      return [
        '1',
        row(call.id, JSON.stringify({ status: 'succeeded', by: call.by }), TTL, CHANNEL, 'succeeded'),
      ];
    case 'set-control':
      return [call.intent, '', 'operator', 'modelled', ...(call.ratio ? ['celeryRatio', call.ratio] : [])];
  }
}

/** The answer in a few words; times are left out. */
export function answerOf(call: Call, reply: unknown): string {
  const list = reply as readonly unknown[];
  switch (call.name) {
    case 'accept': {
      const first = list[0];
      if (typeof first === 'string') return 'accepted';
      const [status, ...rest] = first as string[];
      return status === 'duplicate' ? `duplicate ${rest[0]}` : [status, ...rest].join(' ');
    }
    case 'start': {
      const [status, a, b] = list[0] as unknown[];
      if (status === 'granted') return `granted ${b}`;
      return status === 'skip' ? `skip ${a}` : String(status);
    }
    case 'reassign':
      return (list as string[][])
        .map((result) => (result[0] === 'left' ? result.slice(0, 3).join(' ') : result[0]))
        .join(', ');
    case 'set-control': {
      const fields = list as string[];
      return `${fields[0]} ${fields[fields.indexOf('epoch') + 1]}`;
    }
    case 'finish':
    case 'retry':
    case 'record-outcome':
      return String(list[0]);
    case 'claim-key':
      return list.join(' ');
    case 'cancel':
      return String(reply);
  }
}

const read = (name: string): string =>
  readFileSync(new URL(`../../src/state/lua/${name}.lua`, import.meta.url), 'utf8');

/** The scripts' texts as they are built, or with one rule taken out. */
export function scriptTexts(change?: ScriptChange): (name: ScriptName) => string {
  const texts = new Map<string, string>();
  const textOf = (name: ScriptName | 'prelude'): string => {
    const lua = read(name);
    if (change?.script !== name) return lua;
    if (lua.split(change.find).length !== 2) {
      throw new Error(`${name}.lua does not hold this text exactly once: ${change.find}`);
    }
    return lua.replace(change.find, () => change.replace);
  };
  return (name) => {
    let text = texts.get(name);
    if (text === undefined) {
      // Like src/state/scripts.ts: set-control stands alone.
      text = name === 'set-control' ? textOf(name) : textOf('prelude') + textOf(name);
      texts.set(name, text);
    }
    return text;
  };
}
