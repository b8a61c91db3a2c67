import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { REPORT_FORMATS } from '../../src/domain/report.ts';
import { renderReport } from '../../src/manager/comparison-report.ts';
import { HybridSystem } from '../support/hybrid-system.ts';
import { expectNoLeakedConnections } from '../support/redis.ts';
import { comparedTask } from '../support/shadow-scene.ts';

const opened: HybridSystem[] = [];
const begin = (): HybridSystem => {
  const system = new HybridSystem();
  opened.push(system);
  return system;
};
afterEach(async () => {
  for (const system of opened.splice(0)) await system.close();
});
afterAll(() => expectNoLeakedConnections());

const task = comparedTask((n) => n);

describe('a report without figures', () => {
  it('says which backend has no worker, as long as it has none', async () => {
    const system = begin();
    const manager = await system.manager([task]);
    const notes = async () => (await manager.report()).notes;
    expect(await notes()).toEqual([expect.stringMatching(/^No worker is running .*: hybrid worker$/)]);

    await system.worker([task], { backends: ['stable'] });
    expect(await notes()).toEqual([
      expect.stringMatching(/^No worker takes canary's tasks .*: hybrid worker --backend canary$/),
    ]);

    const canary = await system.worker([task], { backends: ['canary'] });
    expect(await notes()).toEqual([]);
    const { notes: ofAnother } = await manager.report({ tasks: ['another'] });
    expect(ofAnother).toEqual([
      expect.stringMatching(/^No worker takes another on stable /),
      expect.stringMatching(/^No worker takes another on canary /),
    ]);

    await canary.stop();
    expect(await notes()).toHaveLength(1);
  });

  it('says that it is frozen, in every form, until somebody resumes', async () => {
    const system = begin();
    const manager = await system.manager([task]);
    await system.worker([task]);
    const { updatedAt } = await manager.freeze({ reason: 'a test' });

    const report = await manager.report({ commandOptions: ' --config x.yaml' });
    expect(report.headline).toMatch(/^inconclusive: nothing has run in this window; frozen since 2\S+Z$/);
    expect(report.notes).toEqual([
      expect.stringMatching(
        /^Frozen since 2\S+Z: .*: hybrid resume --reason "\.\.\." --config x\.yaml, then /,
      ),
    ]);
    for (const format of REPORT_FORMATS)
      expect(await renderReport(report, format)).toMatch(/Frozen since 2\S+Z: nothing new goes to\s+canary/);
    const before = await manager.report({ from: updatedAt - 7_200_000, to: updatedAt - 3_600_000 });
    expect([before.notes, before.headline]).toEqual([[], 'inconclusive: nothing has run in this window']);

    await manager.resume({ reason: 'a test' });
    expect((await manager.report()).notes).toEqual([]);
  });
});
