import { describe, expect, it } from '@jest/globals';
import type { RunEnvironment } from '../../../src/execution/run-environment.ts';
import { waitForDefinition } from '../../../src/execution/unknown-task.ts';
import { fakeDelivery } from '../../support/fake-delivery.ts';
import { RecordingLog } from '../../support/recording-log.ts';

function settle(task: string | null, canPostpone: boolean) {
  const log = new RecordingLog();
  const env = {
    log,
    tasks: { names: ['a', 'b'] },
    canPostpone: () => canPostpone,
  } as unknown as RunEnvironment;
  const settlement = waitForDefinition(fakeDelivery({ task, queue: 'shared' }), env);
  return { settlement, lines: log.lines };
}

describe('waitForDefinition', () => {
  it('names the task that is not known here', () => {
    const { settlement, lines } = settle('of a newer version', true);
    expect(settlement).toEqual({ kind: 'postpone', delayMs: expect.any(Number) });
    expect(lines).toMatchObject([{ level: 'error', fields: { queue: 'shared' } }]);
    expect(lines[0]?.message).toMatch(/^Task "of a newer version" is not known here; known: a, b\. It waits/);
  });

  it('says that the job names no task, instead of taking the queue for one', () => {
    const { settlement, lines } = settle(null, false);
    expect(settlement).toMatchObject({ kind: 'retry', error: { code: 'E_UNKNOWN_TASK', task: null } });
    expect(lines[0]?.message).toMatch(/^The job names no task,.*; known: a, b\. It waits/);
    expect(lines[0]?.message).not.toContain('shared');
  });
});
