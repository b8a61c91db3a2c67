/**
 * Order by code point: the same on every machine, whatever its locale.
 * `<` on strings compares UTF-16 units, which puts some emoji before some Chinese; UTF-8 bytes sort like code points.
 */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
