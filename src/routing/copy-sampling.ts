import { bucketOf, saltOf } from './sticky-hash.ts';

export interface SamplingRates {
  /** Share of submissions that are copied, 0 to 1. */
  readonly sampleRate: number;
  /** Share of the copies that run on the primary's own backend, 0 to 1. */
  readonly controlShare: number;
}

/** The salt of the draw: another one than routing's, so that who is copied does not depend on who is on canary. */
export function samplingSaltOf(namespace: string): number {
  return saltOf(`${namespace} parity`);
}

/**
 * Whether a submission is copied, and where to.
 * @param salt from {@link samplingSaltOf}
 */
export function drawCopy(
  salt: number,
  id: string,
  { sampleRate, controlShare }: SamplingRates,
): 'shadow' | 'control' | null {
  if (sampleRate === 0) return null;
  const place = bucketOf(salt, id);
  if (place >= sampleRate) return null;
  return place < sampleRate * controlShare ? 'control' : 'shadow';
}
