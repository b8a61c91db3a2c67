import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineTask, type TaskOptions } from '../../../src/domain/task.ts';
import { TaskRegistry } from '../../../src/execution/task-registry.ts';
import { fakeDelivery } from '../../support/fake-delivery.ts';

const task = (name: string, queue: string, rest: Partial<TaskOptions> = {}) =>
  defineTask({ name, queue, input: z.any(), output: z.any(), handler: () => null, ...rest });

const MARK = { acceptedAt: 1 };

describe('TaskRegistry', () => {
  it('knows names and queues', () => {
    const registry = new TaskRegistry([task('a', 'q1'), task('b', 'q2'), task('c', 'q2')]);
    expect([registry.names, registry.queues]).toEqual([
      ['a', 'b', 'c'],
      ['q1', 'q2'],
    ]);
    expect([registry.isShared('q1'), registry.isShared('q2'), registry.isShared('q3')]).toEqual([
      false,
      true,
      false,
    ]);
    expect([registry.get('b')?.name, registry.get('toString'), registry.get('__proto__')]).toEqual([
      'b',
      undefined,
      undefined,
    ]);
  });

  it('refuses two definitions of one name', () => {
    expect(() => new TaskRegistry([task('a', 'q1'), task('a', 'q2')])).toThrow(
      expect.objectContaining({ code: 'E_INVALID_TASK_DEFINITION', field: 'name' }),
    );
  });

  it('refuses two in one queue that both run unnamed jobs', () => {
    const both = [task('a', 'q', { runsUnnamedJobs: true }), task('b', 'q', { runsUnnamedJobs: true })];
    expect(() => new TaskRegistry(both)).toThrow(
      expect.objectContaining({ code: 'E_INVALID_TASK_DEFINITION', field: 'runsUnnamedJobs' }),
    );
  });
});

describe('TaskRegistry: who runs the jobs that name no task', () => {
  const check = (...tasks: readonly ReturnType<typeof task>[]) =>
    new TaskRegistry(tasks).requireRunnersOfUnnamedJobs();

  it('is clear where each queue has one task, or one that says so', () => {
    check();
    check(task('a', 'q1'), task('b', 'q2'));
    check(task('a', 'q'), task('b', 'q', { runsUnnamedJobs: true }), task('c', 'q'));
  });

  it('is asked for in a shared queue: the error names the tasks and what to add', () => {
    const shared = [task('other', 'p'), task('a', 'q'), task('b', 'q')];
    // A process that only submits is not asked.
    expect(new TaskRegistry(shared).isShared('q')).toBe(true);
    expect(() => check(...shared)).toThrow(
      expect.objectContaining({
        code: 'E_INVALID_TASK_DEFINITION',
        task: 'a',
        field: 'runsUnnamedJobs',
        message: expect.stringMatching(/share queue "q" \(a, b\).*Add runsUnnamedJobs: true/),
      }),
    );
  });
});

describe('TaskRegistry: whose delivery it is', () => {
  const registry = new TaskRegistry([
    task('alone', 'one'),
    task('b', 'shared'),
    task('c', 'shared', { runsUnnamedJobs: true }),
    task('d', 'named-only'),
    task('e', 'named-only'),
  ]);
  const resolve = (queue: string, name: string | null, isMarked = false) =>
    registry.resolve(fakeDelivery({ id: '17', task: name, mark: isMarked ? MARK : null }), queue)?.name;

  it('goes by the name on the job', () => {
    expect([resolve('shared', 'b'), resolve('shared', 'c'), resolve('shared', 'b', true)]).toEqual([
      'b',
      'c',
      'b',
    ]);
  });

  it('a job without a name, or with a name of its own: for the only task, or the one that runs such', () => {
    for (const name of [null, 'some BullMQ job name', '__proto__']) {
      expect([resolve('one', name), resolve('shared', name), resolve('named-only', name)]).toEqual([
        'alone',
        'c',
        undefined,
      ]);
    }
  });

  it("a job of ours whose name is not known here is nobody else's", () => {
    expect([
      resolve('one', 'of a newer version', true),
      resolve('shared', 'of a newer version', true),
    ]).toEqual([undefined, undefined]);
  });

  it('also where it has no mark, as on stable: its id tells', () => {
    const ours = fakeDelivery({ task: 'of a newer version' });
    expect([registry.resolve(ours, 'one'), registry.resolve(ours, 'shared')]).toEqual([undefined, undefined]);
    expect(registry.resolve(fakeDelivery({ task: null }), 'one')?.name).toBe('alone');
  });
});
