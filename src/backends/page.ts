/** Jobs in one script call or one page: Redis does nothing else meanwhile. */
const MAX_CALL_JOBS = 1000;

/** Reads `count` from `from` in pages of a bounded size, up to the end. */
export async function inPages<T>(
  from: number,
  count: number,
  read: (from: number, count: number) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const all: T[] = [];
  while (all.length < count) {
    const wanted = Math.min(MAX_CALL_JOBS, count - all.length);
    const page = await read(from + all.length, wanted);
    all.push(...page);
    if (page.length < wanted) break;
  }
  return all;
}

/** Adds up what `call` answers for parts of a bounded size, one after the other: between two, Redis serves others. */
export async function sumInParts(
  ids: readonly string[],
  call: (some: readonly string[]) => Promise<unknown>,
): Promise<number> {
  let sum = 0;
  for (let at = 0; at < ids.length; at += MAX_CALL_JOBS) {
    sum += Number(await call(ids.slice(at, at + MAX_CALL_JOBS)));
  }
  return sum;
}
