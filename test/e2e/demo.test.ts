import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import BeeQueue from 'bee-queue';
import { Queue } from 'bullmq';
import type { SystemStatus } from '../../src/index.ts';
import { compiled } from '../support/compiled.ts';
import { DEMO_CONFIG, DEMO_TEST_MS, demoScene, prose, summaryFrom } from '../support/demo-scene.ts';
import { plainClient } from '../support/redis.ts';

const NAMESPACE = 'hybrid-demo';
const scene = demoScene();

const CHINESE = '夜班的分拣员把包裹放到新的传送带上。旧的传送带还在工作，两边的数字每天早上都要核对一次。';

/** English and Chinese, three kinds of files, names with blanks; and two files that cannot be read. */
function putMixedDocuments(): void {
  for (let i = 0; i < 20; i++)
    scene.put(`parcel notes/part ${i}.md`, `# Part ${i}\n\n${prose(i, 1 + (i % 9))}`);
  for (let i = 0; i < 5; i++) scene.put(`夜班 笔记/第${i}页.txt`, `${CHINESE.repeat(10 + 20 * i)}\n`);
  scene.put('sheet.html', `<title>Sheet</title><p>${prose(3, 4).replaceAll('\n\n', '</p><p>')}</p>`);
  scene.put('empty.md', '');
  scene.put('picture.txt', new Uint8Array([137, 80, 0, 1, 2]));
}

/** Everything that is in Redis, as clients see it that know nothing of this library. */
async function countPlainly() {
  const client = plainClient(scene.url);
  const valuesOf = async <T>(pattern: string, read: (key: string) => Promise<T>) =>
    Promise.all((await client.keys(`{${NAMESPACE}}:${pattern}`)).map(read));
  const isCopy = ({ copy }: Record<string, string>) => copy !== undefined;
  const all = await valuesOf('task:*', async (key) => ({ key, ...(await client.hgetall(key)) }));
  const copies = new Set(all.filter(isCopy).map(({ key }) => key.slice(key.indexOf(':task:') + 6)));
  const entries: Record<string, string>[] = all.filter((entry) => !isCopy(entry));
  const recorded = await valuesOf('outcome:*', async (key) => JSON.parse((await client.get(key)) ?? ''));
  // Copies are nobody's work: they are in no count of the demo's.
  const outcomes = recorded.filter(({ id }) => !copies.has(id));
  const connection = { url: scene.url };
  const bull = new Queue('metadata_queue', { prefix: 'hybrid-demo-bull', connection });
  const bullCounts = await bull.getJobCounts();
  await bull.close();
  const bee: Record<string, number> = {};
  for (const name of ['metadata_queue', 'metadata_queue.moved']) {
    const queue = new BeeQueue(name, {
      prefix: 'hybrid-demo-bq',
      redis: { url: scene.url } as never,
      isWorker: false,
      getEvents: false,
    });
    const { waiting, active, delayed, failed } = await queue.checkHealth();
    bee[name] = waiting + active + delayed + failed;
    await queue.close();
  }
  return { entries, outcomes, copies, bullCounts, bee };
}

describe('the demo', () => {
  it(
    'says what plain clients count in Redis, and what hybrid status says right after it',
    async () => {
      putMixedDocuments();
      const summary = await scene.summaryOf('docs', '--out', 'out', '--ratio', '0.4');
      const { entries, outcomes, copies, bullCounts, bee } = await countPlainly();
      const { stable, canary } = summary.backends;

      expect(summary).toMatchObject({
        status: 'completed',
        namespace: NAMESPACE,
        ratio: { target: 0.4, changes: [] },
      });
      expect(summary.documents).toEqual({ read: 26, completed: 26, partial: 0, split: 0 });
      expect(stable.documents + canary.documents).toBe(26);
      expect(stable.documents * canary.documents).toBeGreaterThan(0);
      expect(stable.chunks + canary.chunks).toBe(summary.chunks.read);
      expect(summary.chunks).toMatchObject({ failed: 0, kept: 0, unanswered: 0, succeeded: outcomes.length });
      const { pairs = 0, controlPairs = 0 } = summary.report ?? {};
      expect(pairs + controlPairs).toBe(copies.size);
      expect(summary.chunks.chinese).toBeGreaterThanOrEqual(5);
      expect(summary.chunks.chinese + summary.chunks.english).toBe(summary.chunks.read);
      expect(summary.skipped.first.map(({ reason }) => reason)).toEqual(['empty', 'binary']);

      expect(entries.map(({ owner, state }) => `${owner} ${state}`)).toEqual(
        Array.from({ length: canary.chunks }, () => 'canary succeeded'),
      );
      const ran = (backend: string) =>
        outcomes.filter((outcome) => outcome.backend === backend && outcome.status === 'succeeded').length;
      expect([ran('stable'), ran('canary')]).toEqual([stable.succeeded, canary.succeeded]);
      expect([stable.succeeded, canary.succeeded]).toEqual([stable.chunks, canary.chunks]);
      const { waiting, active, delayed, failed } = bullCounts;
      expect([waiting, active, delayed, failed]).toEqual([0, 0, 0, 0]);
      expect(bee).toEqual({ metadata_queue: 0, 'metadata_queue.moved': 0 });

      const app = compiled('examples/document-metadata/task.ts');
      const shown: SystemStatus = await scene.hybrid('status', '--config', DEMO_CONFIG, '--app', app);
      expect(shown.control).toMatchObject({ celeryRatio: 0.4, epoch: summary.ratio.epoch });
      expect(shown.ledger).toMatchObject({
        accepted: entries.length,
        succeeded: entries.length,
        conserved: true,
      });
      expect(shown.plain).toEqual({ succeeded: stable.chunks, failed: 0, cancelled: 0 });
      expect(shown.workers).toEqual([]);
      expect({ ledger: shown.ledger, plain: shown.plain, parked: shown.parked }).toEqual(summary.live);

      const documents = scene.results();
      expect(documents).toHaveLength(26);
      const backendOf = new Map(outcomes.map(({ id, backend }) => [id, backend]));
      for (const { status: state, chunks } of documents) {
        expect(state).toBe('completed');
        for (const chunk of chunks) expect(chunk.backend).toBe(backendOf.get(chunk.taskId));
        expect(new Set(chunks.map(({ backend }) => backend)).size).toBe(1);
      }
      expect(readdirSync(join(scene.home, 'out', 'in-progress'))).toEqual([]);
    },
    DEMO_TEST_MS,
  );

  it(
    'begins anew when it is run again, with the ratio that it is given',
    async () => {
      scene.putDocuments(6, 4);
      const first = await scene.summaryOf('docs', '--out', 'out', '--ratio', '0');
      expect(first.backends.stable.chunks).toBe(first.chunks.submitted);
      expect(first.backends.canary).toMatchObject({ documents: 0, chunks: 0, documentShare: 0 });
      const second = await scene.summaryOf('docs', '--out', 'out', '--ratio', '1', '--limit', '5');
      expect(second.backends.canary.chunks).toBe(second.chunks.submitted);
      expect(second.documents).toMatchObject({ read: 5, completed: 5 });
      expect(second.chunks.kept).toBe(0);
      expect(second.ratio.epoch).toBe(first.ratio.epoch + 1);
      expect(second.live.plain.succeeded).toBe(first.chunks.submitted);
      expect(second.live.ledger.succeeded).toBe(second.chunks.submitted);
      expect(scene.results().map(({ documentId }) => documentId)).toHaveLength(5);
    },
    DEMO_TEST_MS,
  );

  it(
    'tells what somebody has changed meanwhile',
    async () => {
      scene.putDocuments(40, 12);
      const middle = scene.holdInTheMiddle(10);
      const [child, epoch] = await scene.withManager(async (manager) => {
        const started = scene.startAt(scene.proxyUrl, 'docs', '--json', '--out', 'out', '--ratio', '0');
        await middle.caught;
        return [started, (await manager.setRatio(1, { reason: 'in the middle' })).epoch] as const;
      });
      middle.pass();
      const summary = await summaryFrom(child);
      expect(summary.status).toBe('completed');
      expect(summary.ratio).toMatchObject({ target: 0, changes: [{ epoch, celeryRatio: 1, frozen: false }] });
      expect(summary.backends.canary.chunks).toBeGreaterThan(0);
      expect(summary.live.ledger.succeeded).toBe(summary.backends.canary.chunks);
    },
    DEMO_TEST_MS,
  );
});
