import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type HybridConfigInput, HybridTaskManager, resolveConfig } from '../../src/index.ts';
import { settingsFor } from '../support/hybrid-system.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { expectNoLeakedConnections, uniqueName, waitFor } from '../support/redis.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hybrid-open-'));
});
afterEach(() => rm(folder, { recursive: true }));
afterAll(() => expectNoLeakedConnections());

/** Fails `open` after the flags were opened. */
class RefusingLog extends RecordingLog {
  override warn(fields: Record<string, unknown>, message: string): void {
    if (message.includes('differs from the live state')) throw new Error('no room for this line');
    super.warn(fields, message);
  }
}

describe('an open that fails', () => {
  it('closes the flags that it has opened: nobody looks at their file any more', async () => {
    const flagFile = join(folder, 'flags.json');
    await writeFile(flagFile, '{ "flagValues": {} }');
    const common = { ...settingsFor(uniqueName('open')), flags: { source: 'file', file: flagFile } } as const;
    const configFor = (celeryRatio: number) =>
      resolveConfig({ ...common, routing: { celeryRatio, mode: 'flag' } } satisfies HybridConfigInput);

    const [log, refusing] = [new RecordingLog(), new RefusingLog()];
    const other = await HybridTaskManager.open({ config: configFor(0.25), tasks: [], log });
    try {
      const failing = HybridTaskManager.open({ config: configFor(0.5), tasks: [], log: refusing });
      await expect(failing).rejects.toThrow('no room for this line');
      // Both would look equally often: when the other has told of the second break, a flag source that was left open
      // has told of one of them.
      for (const [index, broken] of ['{', '{ "flagValues": 1 }'].entries()) {
        await writeFile(flagFile, broken);
        const told = () => log.lines.filter(({ message }) => message.includes(flagFile)).length > index;
        await waitFor(told, { what: `problem ${index + 1} with the flag file` });
      }
      expect(refusing.lines.filter(({ message }) => message.includes(flagFile))).toEqual([]);
    } finally {
      await other.close();
    }
  });
});
