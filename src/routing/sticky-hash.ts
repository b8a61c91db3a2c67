/**
 * Where a sticky key stands between 0 and 1, the same in every process and for good: a change here moves users from
 * one backend to the other, so test/golden/sticky-hash.json holds the results.
 *
 * MurmurHash3, the x86 variant of 32 bits (Austin Appleby, public domain), over the UTF-8 bytes of the text. It is
 * used for its even spread and speed, not against an attacker. The published test vectors are in the unit test.
 */
const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;
const SALT_SEED = 0x68796272;
const REPLACEMENT = 0xfffd;

function scramble(block: number): number {
  const product = Math.imul(block, C1);
  return Math.imul((product << 15) | (product >>> 17), C2);
}

function mix(hash: number, block: number): number {
  const mixed = hash ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, byteLength: number): number {
  let h = hash ^ byteLength;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * MurmurHash3_x86_32 of the text's UTF-8 bytes. A lone surrogate counts as U+FFFD, as TextEncoder has it.
 *
 * @param seed 32 bits, unsigned
 * @returns 32 bits, unsigned
 */
export function murmur3(text: string, seed: number): number {
  const { length } = text;
  const lastBlock = length - (length & 3);
  let hash = seed | 0;
  let seen = 0;
  for (let i = 0; i < lastBlock; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    seen |= a | b | c | d;
    hash = mix(hash, a | (b << 8) | (c << 16) | (d << 24));
  }
  let rest = 0;
  for (let i = length - 1; i >= lastBlock; i--) {
    const unit = text.charCodeAt(i);
    seen |= unit;
    rest = (rest << 8) | unit;
  }
  if (seen > 0x7f) return murmur3Unicode(text, seed);
  if (length !== lastBlock) hash ^= scramble(rest);
  return finish(hash, length);
}

/** The same without the assumption that one character is one byte. */
function murmur3Unicode(text: string, seed: number): number {
  let hash = seed | 0;
  let block = 0;
  let filledBits = 0;
  let byteLength = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) as number;
    if (point > 0xffff) i++;
    const bits = point < 0x80 ? 8 : point < 0x800 ? 16 : point < 0x10000 ? 24 : 32;
    const bytes = utf8(point >= 0xd800 && point <= 0xdfff ? REPLACEMENT : point);
    byteLength += bits >> 3;
    block |= bytes << filledBits;
    filledBits += bits;
    if (filledBits >= 32) {
      hash = mix(hash, block);
      filledBits -= 32;
      block = filledBits === 0 ? 0 : bytes >>> (bits - filledBits);
    }
  }
  if (filledBits > 0) hash ^= scramble(block);
  return finish(hash, byteLength);
}

/** A code point's UTF-8 bytes in one number, the first byte lowest. */
function utf8(point: number): number {
  if (point < 0x80) return point;
  if (point < 0x800) return 0xc0 | (point >> 6) | (continuation(point) << 8);
  if (point < 0x10000)
    return 0xe0 | (point >> 12) | (continuation(point >> 6) << 8) | (continuation(point) << 16);
  return (
    0xf0 |
    (point >> 18) |
    (continuation(point >> 12) << 8) |
    (continuation(point >> 6) << 16) |
    (continuation(point) << 24)
  );
}

function continuation(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

/**
 * The salt of a namespace, fixed by its name: two namespaces draw their canary from different keys, and no setting
 * can move a key to another bucket. Derive it once and keep it.
 *
 * @returns the seed for {@link bucketOf}, 32 bits, unsigned
 */
export function saltOf(namespace: string): number {
  return murmur3(namespace, SALT_SEED);
}

/**
 * The place of a sticky key, from 0 up to but not including 1. Canary takes the places below the ratio, so whoever is
 * on canary at 5 % still is at 20 %.
 *
 * The task's name is no part of it: all tasks of one document (one customer, one order) have one bucket and stay
 * together on one backend as far as their ratios agree.
 *
 * @param salt from {@link saltOf}
 */
export function bucketOf(salt: number, stickyKey: string): number {
  return murmur3(stickyKey, salt) / 0x1_0000_0000;
}
