import type { Redis } from 'ioredis';
import { brokenByCall } from './promises.ts';
import {
  type Command,
  type Contents,
  commandsFor,
  contentsFrom,
  PREFIX,
  READ_ALL,
  textOf,
} from './redis-contents.ts';
import { answerOf, argumentsOf, type Call } from './scripts.ts';

/** What a script made of given contents. */
export interface Answer {
  /** Number of the contents afterwards. */
  readonly redis: number;
  readonly reply: string;
  /** The promise that the script broke. */
  readonly broken: string | undefined;
}

interface Question {
  readonly redis: number;
  readonly text: string;
  readonly call: Call;
  readonly maxLosses: number;
}

/** Thrown where an answer is not known yet: fetch(), then ask again. */
export const NOT_KNOWN_YET = new Error('This answer has to be fetched first.');

const MOST_AT_ONCE = 500;

/**
 * The scripts as a function: (contents, script, arguments) to (contents, reply). Each case is run once, on the real
 * Redis; a script sees nothing else but the clock, and times are left out.
 */
export class ScriptMemo {
  readonly #redis: Redis;
  readonly #contents: Contents[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #answers = new Map<string, Answer>();
  readonly #edits = new Map<string, number>();
  readonly #asked = new Map<string, Question>();
  readonly #texts = new Map<string, { readonly name: string; sha: string | undefined }>();
  #readAll: string | undefined;

  /** `redis`: a server of its own; its database is emptied all the time. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Cases run on Redis so far. */
  get size(): number {
    return this.#answers.size;
  }

  contents(number: number): Contents {
    return this.#contents[number] as Contents;
  }

  numberOf(contents: Contents): number {
    const text = textOf(contents);
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#contents.length;
      this.#contents.push(contents);
      this.#numbers.set(text, number);
    }
    return number;
  }

  /** A change by something else than a script. `name` stands for all that the change depends on. */
  edit(redis: number, name: string, change: (contents: Contents) => Contents): number {
    const key = `${redis} ${name}`;
    let after = this.#edits.get(key);
    if (after === undefined) {
      after = this.numberOf(change(this.contents(redis)));
      this.#edits.set(key, after);
    }
    return after;
  }

  /** @throws NOT_KNOWN_YET */
  call(redis: number, text: string, call: Call, maxLosses: number): Answer {
    let script = this.#texts.get(text);
    if (script === undefined) {
      script = { name: String(this.#texts.size), sha: undefined };
      this.#texts.set(text, script);
    }
    const key = `${redis} ${script.name} ${maxLosses} ${JSON.stringify(call)}`;
    const answer = this.#answers.get(key);
    if (answer !== undefined) return answer;
    this.#asked.set(key, { redis, text, call, maxLosses });
    throw NOT_KNOWN_YET;
  }

  /** Runs everything that was asked for and not known. */
  async fetch(): Promise<void> {
    const all = [...this.#asked];
    this.#asked.clear();
    this.#readAll ??= (await this.#redis.script('LOAD', READ_ALL)) as string;
    for (const script of new Set(all.map(([, { text }]) => text))) await this.#load(script);
    for (let from = 0; from < all.length; from += MOST_AT_ONCE)
      await this.#run(all.slice(from, from + MOST_AT_ONCE));
  }

  async #load(text: string): Promise<void> {
    const script = this.#texts.get(text);
    if (script && script.sha === undefined) script.sha = (await this.#redis.script('LOAD', text)) as string;
  }

  async #run(questions: readonly (readonly [string, Question])[]): Promise<void> {
    const pipeline = this.#redis.pipeline();
    /** Where the reply and the contents of each question stand among the results. */
    const places: number[] = [];
    let length = 0;
    const add = ([name, ...args]: Command) => {
      pipeline.call(name, ...args);
      length += 1;
    };
    for (const [, { redis, text, call, maxLosses }] of questions) {
      add(['FLUSHDB']);
      for (const command of commandsFor(this.contents(redis))) add(command);
      places.push(length);
      add(['EVALSHA', this.#texts.get(text)?.sha ?? '', '1', PREFIX, ...argumentsOf(call, maxLosses)]);
      add(['EVALSHA', this.#readAll ?? '', '0']);
    }
    const results = (await pipeline.exec()) ?? [];
    questions.forEach(([key, { redis, call }], i) => {
      const [failed, reply] = results[places[i] as number] ?? [new Error('no result'), null];
      if (failed) throw new Error(`${call.name}: ${failed.message}`);
      const all = results[(places[i] as number) + 1]?.[1] as [string, string[]][];
      const after = contentsFrom(all);
      const answer = answerOf(call, reply);
      const broken = brokenByCall(call, this.contents(redis), after, answer);
      this.#answers.set(key, { redis: this.numberOf(after), reply: answer, broken });
    });
  }
}
