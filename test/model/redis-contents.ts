/** Everything that the ledger scripts read, with what only differs in time left out: equal contents, equal futures. */
export interface Contents {
  readonly control: { readonly epoch: string; readonly frozen: string; readonly celeryRatio: string };
  readonly entries: Readonly<Record<string, Entry>>;
  readonly openCanary: readonly string[];
  readonly openMoved: readonly string[];
  readonly counts: Readonly<Record<string, string>>;
  readonly outcomes: Readonly<Record<string, StoredOutcome>>;
  readonly keys: Readonly<Record<string, KeyRecord>>;
  /** Heartbeats. */
  readonly workers: readonly string[];
}

export interface Entry {
  readonly owner: 'canary' | 'stable';
  readonly state: 'accepted' | 'running' | 'retrying' | 'succeeded' | 'failed' | 'cancelled';
  readonly worker?: string;
  readonly token?: string;
  readonly attempt?: string;
  readonly failures?: string;
  readonly losses?: string;
  readonly cancelRequested?: string;
  readonly retryOf?: string;
  readonly movedOf?: string;
}

/** `by`: the token of the run, the worker of a run without an entry, '' where a script made the outcome. */
export interface StoredOutcome {
  readonly status: string;
  readonly by: string;
}

export interface KeyRecord {
  readonly id: string;
  readonly owner: 'canary' | 'stable';
  readonly confirmed: string;
}

export const PREFIX = '{model}:';
/** Stands for every time; the scripts only store times and pass them on. */
const SOME_TIME = '1';
const SPEC = '{"task":"modelled"}';
const OPEN_STATES = ['accepted', 'running', 'retrying'];
/** Records for people and reports: no rule of a script depends on them. */
const RECORDS = /^(audit|freeze|parked|workers|queues|janitor:lock)$/;
const TIMES_AND_CONSTANTS = [
  'acceptedAt',
  'startedAt',
  'finishedAt',
  'movedAt',
  'dueAt',
  'spec',
  'payload',
  'ttl',
];

export const isOpen = (entry: Entry | undefined): entry is Entry =>
  entry !== undefined && OPEN_STATES.includes(entry.state);

export const isAlive = (contents: Contents, worker: string | undefined): boolean =>
  worker !== undefined && contents.workers.includes(worker);

/** Nobody alive runs it: what the janitor and rollback look for. */
export const hasNoRunner = (contents: Contents, entry: Entry): boolean =>
  isOpen(entry) && (entry.state !== 'running' || !isAlive(contents, entry.worker));

export const EMPTY: Contents = {
  control: { epoch: '1', frozen: '', celeryRatio: '1' },
  entries: {},
  openCanary: [],
  openMoved: [],
  counts: {},
  outcomes: {},
  keys: {},
  workers: [],
};

/** One text for equal contents, whatever the order in which they came about. */
export function textOf(contents: Contents): string {
  return JSON.stringify(contents, (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

export type Command = readonly [string, ...string[]];

/** Writes the contents into an empty database. */
export function commandsFor(c: Contents): Command[] {
  const commands: Command[] = [
    ['HSET', `${PREFIX}control`, ...pairs(c.control), 'mode', 'ratio', 'taskRatios', '{}'],
  ];
  const add = (name: string, key: string, values: string[]) => {
    if (values.length > 0) commands.push([name, PREFIX + key, ...values]);
  };
  for (const [id, entry] of Object.entries(c.entries)) {
    const payload = isOpen(entry) ? ['payload', '{}'] : [];
    const constants = ['acceptedAt', SOME_TIME, 'spec', SPEC, 'ttl', '60', ...payload];
    add('HSET', `task:${id}`, [...pairs(entry), ...constants]);
  }
  const scored = (ids: readonly string[]) => ids.flatMap((id) => [SOME_TIME, id]);
  add('ZADD', 'open:canary', scored(c.openCanary));
  add('ZADD', 'open:moved', scored(c.openMoved));
  add('HSET', 'counts', pairs(c.counts));
  for (const [id, outcome] of Object.entries(c.outcomes))
    add('SET', `outcome:${id}`, [JSON.stringify(outcome)]);
  for (const [hash, record] of Object.entries(c.keys)) add('HSET', `key:${hash}`, pairs(record));
  for (const worker of c.workers) add('SET', `worker:${worker}`, ['{}']);
  return commands;
}

const pairs = (fields: object): string[] => Object.entries(fields).flat() as string[];

/** Lua: every key with its value. To be read with contentsFrom. */
export const READ_ALL = `
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind, value = redis.call('TYPE', key).ok, {}
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1)
  elseif kind == 'string' then value = { redis.call('GET', key) } end
  all[#all + 1] = { key, value }
end
return all`;

export function contentsFrom(all: readonly (readonly [string, readonly string[]])[]): Contents {
  const entries: Record<string, Entry> = {};
  const outcomes: Record<string, StoredOutcome> = {};
  const keys: Record<string, KeyRecord> = {};
  const workers: string[] = [];
  let { control, counts, openCanary, openMoved } = EMPTY;
  for (const [fullKey, value] of all) {
    const key = fullKey.slice(PREFIX.length);
    const [kind = '', name = ''] = key.split(':');
    const fields = (): Record<string, string> => hashOf(value);
    if (key === 'control') {
      const { epoch = '', frozen = '', celeryRatio = '' } = fields();
      control = { epoch, frozen, celeryRatio };
    } else if (key === 'counts') counts = withoutZeros(fields());
    else if (key === 'open:canary') openCanary = [...value].sort();
    else if (key === 'open:moved') openMoved = [...value].sort();
    else if (kind === 'task') entries[name] = entryFrom(fields());
    else if (kind === 'outcome') {
      const { status, by = '' } = JSON.parse(value[0] ?? '') as StoredOutcome;
      outcomes[name] = { status, by };
    } else if (kind === 'key') keys[name] = fields() as unknown as KeyRecord;
    else if (kind === 'worker') workers.push(name);
    else if (!RECORDS.test(key)) throw new Error(`A key that the model does not know: ${fullKey}`);
  }
  return { control, entries, openCanary, openMoved, counts, outcomes, keys, workers: workers.sort() };
}

function hashOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] as string] = flat[i + 1] as string;
  return fields;
}

/** Who ran a finished task, and how often in vain, is only for people. */
function entryFrom(fields: Record<string, string>): Entry {
  for (const field of TIMES_AND_CONSTANTS) delete fields[field];
  // The scripts only ask whether it was ever started.
  if (fields.attempt !== undefined) fields.attempt = '1';
  const isFinished = !OPEN_STATES.includes(fields.state ?? '');
  if (isFinished) for (const field of ['worker', 'losses', 'failures']) delete fields[field];
  return fields as unknown as Entry;
}

const withoutZeros = (counts: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== '0'));
