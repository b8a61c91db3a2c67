import { RedisUnreachableError } from './errors.ts';

export interface BatchLimits<Item> {
  /** Largest batch, in items. */
  readonly maxItems: number;
  /** What an item adds to a batch, as a rule its bytes. @default 0 */
  readonly weightOf?: (item: Item) => number;
}

/** A larger call would hold up everything behind it on the connection: heartbeats too. */
const MAX_WEIGHT = 1_048_576;
/** Calls under way at once; the others wait here, where no command's time-out runs yet. */
const MAX_UNDER_WAY = 16;

/**
 * Collects single calls that are made close together and passes them on as batches, in order.
 * Whoever calls sees one promise per item; whoever serves pays one round trip per batch. A batch that is refused is
 * repeated item by item, so that one bad item harms no other; one without an answer rejects for all of its items.
 *
 * @param run answers a batch with one result per item, in order; it may be asked the same again
 */
export function batched<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  limits: BatchLimits<Item>,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let isScheduled = false;
  let underWay = 0;

  const flush = () => {
    isScheduled = false;
    let from = 0;
    while (from < waiting.length && underWay < MAX_UNDER_WAY) {
      const to = endOfBatch(waiting, from, limits);
      const batch = from === 0 && to === waiting.length ? waiting : waiting.slice(from, to);
      from = to;
      underWay += 1;
      void settle(run, batch).then(() => {
        underWay -= 1;
        if (waiting.length > 0 && !isScheduled) flush();
      });
    }
    if (from > 0) waiting = waiting.slice(from);
  };

  return (item) =>
    new Promise((resolve, reject) => {
      // setImmediate and not a microtask: calls that come from several answers read in one go then share a batch.
      if (!isScheduled) {
        isScheduled = true;
        setImmediate(flush);
      }
      waiting.push({ item, resolve, reject });
    });
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

function endOfBatch<Item>(
  waiting: readonly { readonly item: Item }[],
  from: number,
  limits: BatchLimits<Item>,
): number {
  let weight = 0;
  let to = from;
  while (to < waiting.length && to - from < limits.maxItems) {
    weight += limits.weightOf?.((waiting[to] as { readonly item: Item }).item) ?? 0;
    if (weight > MAX_WEIGHT && to > from) break;
    to += 1;
  }
  return to;
}

async function settle<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  batch: readonly Waiting<Item, Result>[],
): Promise<void> {
  try {
    const results = await run(batch.map((w) => w.item));
    batch.forEach((w, i) => {
      w.resolve(results[i] as Result);
    });
  } catch (error) {
    if (batch.length > 1 && !(error instanceof RedisUnreachableError)) {
      for (const w of batch) await settle(run, [w]);
    } else for (const w of batch) w.reject(error);
  }
}
