import { z } from 'zod';
import { defineTask, HybridTaskManager } from '../../src/index.ts';
import { answerParent, startClock } from './child-process.ts';
import { oursConfig, payloadOf, QUEUE, type SideSpec, TASK_NAME } from './job.ts';
import { type Producer, submitInWaves } from './producers.ts';

/** The benchmarks' task with a stored result: without one there is nothing to compare. */
const task = defineTask({
  name: TASK_NAME,
  queue: QUEUE,
  input: z.object({ chunkId: z.string(), documentId: z.string(), chunkText: z.string() }),
  output: z.void(),
  parity: { shadowSafe: true },
  handler: async () => {},
});
const payloads = Array.from({ length: 200 }, (_, n) => payloadOf(n));
let producer: Producer | undefined;

answerParent(
  {
    open: async (spec: SideSpec) => {
      const manager = await HybridTaskManager.open({ config: oursConfig(spec), tasks: [task] });
      producer = {
        submit: (payload) => manager.submit(task, payload, { stickyKey: payload.documentId }),
        close: () => manager.close(),
      };
    },
    /** Many at once. */
    submit: async ({ count, inFlight }: { readonly count: number; readonly inFlight: number }) => {
      globalThis.gc?.();
      const read = startClock();
      await submitInWaves(producer as Producer, payloads, count, inFlight);
      return read();
    },
    /** One after the other. @returns how long each took, in microseconds */
    time: async (count: number) => {
      globalThis.gc?.();
      const micros: number[] = [];
      for (let n = 0; n < count; n++) {
        const startedAt = performance.now();
        await producer?.submit(payloadOf(n));
        micros.push((performance.now() - startedAt) * 1000);
      }
      return micros;
    },
  },
  async () => producer?.close(),
);
