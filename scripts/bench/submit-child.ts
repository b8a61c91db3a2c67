import { answerParent, startClock } from './child-process.ts';
import { payloadOf, type SideSpec } from './job.ts';
import { openProducer, type Producer, submitInWaves } from './producers.ts';

let producer: Producer | undefined;
const payloads = Array.from({ length: 200 }, (_, n) => payloadOf(n));

answerParent(
  {
    open: async (spec: SideSpec) => {
      producer = await openProducer(spec);
    },
    submit: async ({ count, inFlight }: { readonly count: number; readonly inFlight: number }) => {
      if (producer === undefined) throw new Error('open comes first');
      globalThis.gc?.();
      const read = startClock();
      await submitInWaves(producer, payloads, count, inFlight);
      return read();
    },
    /** Bytes in use when everything that is garbage has been collected. */
    memory: async () => {
      // Twice: what is only freed by a finaliser goes with the second.
      for (let i = 0; i < 2; i++) {
        await new Promise(setImmediate);
        globalThis.gc?.();
      }
      const { heapUsed, external, rss } = process.memoryUsage();
      return { heapUsed, external, rss };
    },
  },
  async () => producer?.close(),
);
