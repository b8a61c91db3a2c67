/** Part of every seed. Another value would move all bootstrap intervals a little. */
const CONSTANT = 0x9e3779b9;

/** A seed for a text: FNV-1a, 32 bits (Fowler, Noll and Vo). */
function seedOf(text: string): number {
  let hash = 0x811c9dc5 ^ CONSTANT;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Numbers in (0, 1), the same for the same text: the mulberry32 generator. Never 0, so that their logarithm is finite. */
export function randomFrom(text: string): () => number {
  let state = seedOf(text);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}
