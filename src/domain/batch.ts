/**
 * Collects single calls that are made close together and passes them on as batches, in order.
 * Whoever calls sees one promise per item; whoever serves pays one round trip per batch.
 *
 * @param run answers a batch with one result per item, in order; if it rejects, every item of the batch does
 * @param maxItems largest batch
 */
export function batched<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  maxItems: number,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];

  const flush = () => {
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += maxItems) {
      void settle(run, all.length <= maxItems ? all : all.slice(from, from + maxItems));
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      // setImmediate and not a microtask: calls that come from several answers read in one go then share a batch.
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ item, resolve, reject });
    });
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
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
    for (const w of batch) w.reject(error);
  }
}
