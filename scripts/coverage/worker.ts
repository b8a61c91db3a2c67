import { parentPort, workerData } from 'node:worker_threads';
import { observe } from './observation.ts';
import { Tallies } from './tally.ts';

/** The reports from `first` on, before `end`; each has a seed of its own, so that the number of workers changes nothing. */
export interface Slice {
  readonly first: number;
  readonly end: number;
}

const { first, end } = workerData as Slice;
const tallies = new Tallies();
for (let seed = first; seed < end; seed++) observe(seed, tallies);
parentPort?.postMessage(tallies.entries());
