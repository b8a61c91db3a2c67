/** Numbers in [0, 1), the same for the same seed: the sfc32 generator (C. Doty-Humphrey, PractRand). */
export function randomOf(seed: number): () => number {
  let [a, b, c, count] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = () => {
    const sum = (a + b + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 12; i++) next();
  return next;
}

export type Random = () => number;

/** Between two numbers, each order of magnitude as likely. */
export function logUniform(random: Random, low: number, high: number): number {
  return Math.exp(Math.log(low) + random() * Math.log(high / low));
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Beyond it, trials are settled by halves. */
const FEW = 30;

/**
 * Events in independent trials of one probability, exactly: the middle one of an odd number of uniform numbers is drawn from
 * its symmetric Beta distribution (Ulrich 1984), and only the half that the probability cuts is looked at further
 * (L. Devroye, Non-Uniform Random Variate Generation, 1986, X.4.3).
 */
export function binomial(random: Random, trials: number, probability: number): number {
  let [events, n, p] = [0, trials, probability];
  while (n > FEW) {
    if (n % 2 === 0) {
      if (random() < p) events += 1;
      n -= 1;
    }
    const half = (n - 1) / 2;
    const radius = Math.sqrt(-Math.expm1((2 * Math.log(1 - random())) / n));
    const middle = 0.5 + 0.5 * radius * Math.cos(2 * Math.PI * random());
    if (middle <= p) {
      events += half + 1;
      p = (p - middle) / (1 - middle);
    } else p /= middle;
    n = half;
  }
  for (let i = 0; i < n; i++) if (random() < p) events += 1;
  return events;
}
