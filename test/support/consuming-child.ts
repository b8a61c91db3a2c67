import { createBeeQueueBackend } from '../../src/backends/bee-queue.ts';
import { createBullmqBackend } from '../../src/backends/bullmq.ts';
import { jobRequest } from './job-requests.ts';

/**
 * A worker process of a test: consumes a queue, says `begun <id>` per delivery, and
 * - `hang`: never ends one
 * - `round-trip`: enqueues a job itself, completes it, says `ended` and ends
 *
 * Arguments: product, Redis URL, prefix, queue, mode, stall interval in milliseconds.
 */
const [product, redisUrl = '', prefix = '', queue = '', mode, stallIntervalMs] = process.argv.slice(2);
const create = product === 'bee-queue' ? createBeeQueueBackend : createBullmqBackend;
const backend = create({ redisUrl, prefix });
await backend.ready();
let end = () => {};
const ended = new Promise<void>((resolve) => {
  end = resolve;
});
const consumer = await backend.consume(
  queue,
  async ({ id }) => {
    console.log(`begun ${id}`);
    if (mode === 'hang') await new Promise(() => {});
    end();
    return { kind: 'complete' };
  },
  { concurrency: 2, stallIntervalMs: Number(stallIntervalMs) },
);
console.log('consuming');
if (mode === 'round-trip') await backend.enqueue([jobRequest(queue, { a: 1 })]);
await ended;
await consumer.stop(5000);
await backend.close();
console.log('ended');
