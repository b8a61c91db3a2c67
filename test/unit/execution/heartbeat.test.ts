import { afterEach, describe, expect, it } from '@jest/globals';
import type { WorkerRecord } from '../../../src/domain/worker-record.ts';
import { Heartbeat, type HeartbeatSink } from '../../../src/execution/heartbeat.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { waitFor } from '../../support/wait-for.ts';

class FakeSink implements HeartbeatSink {
  readonly beats: string[] = [];
  readonly left: string[] = [];
  runId: string | null = 'run-1';
  isDown = false;

  async beat(record: WorkerRecord): Promise<string | null> {
    if (this.isDown) throw new Error('no answer');
    this.beats.push(record.id);
    return this.runId;
  }

  async leave(id: string): Promise<void> {
    this.left.push(id);
  }
}

let heartbeat: Heartbeat;
afterEach(() => heartbeat.abandon());

function beating(sink: FakeSink, runningUnder: (id: string) => number = () => 0) {
  const log = new RecordingLog();
  heartbeat = new Heartbeat(sink, {
    intervalMs: 5,
    maxLosses: 3,
    describe: () => ({
      host: 'h',
      pid: 1,
      version: '0',
      backends: ['stable'],
      queues: [],
      tasks: [],
      concurrency: 1,
      running: 0,
      startedAt: 0,
    }),
    runningUnder,
    log,
  });
  return log;
}

const nextBeats = async (sink: FakeSink, count: number) => {
  const before = sink.beats.length;
  await waitFor(() => sink.beats.length >= before + count, { what: `${count} beats` });
};

describe('Heartbeat', () => {
  it('beats once before anything runs, then regularly; its lease lasts three intervals', async () => {
    const sink = new FakeSink();
    beating(sink);
    await heartbeat.begin();
    expect(sink.beats).toEqual([heartbeat.lease.id]);
    expect(heartbeat.lease).toMatchObject({ ttlMs: 15, maxLosses: 3 });
    await nextBeats(sink, 3);
    expect(new Set(sink.beats)).toEqual(new Set([heartbeat.lease.id]));
  });

  it('says goodbye at the end, and only then', async () => {
    const sink = new FakeSink();
    beating(sink);
    await heartbeat.begin();
    await heartbeat.end();
    expect(sink.left).toEqual([heartbeat.lease.id]);
  });

  it('goes on when Redis does not answer, with the same id', async () => {
    const sink = new FakeSink();
    const log = beating(sink);
    await heartbeat.begin();
    const { id } = heartbeat.lease;
    sink.isDown = true;
    await waitFor(() => log.lines.length > 0, { what: 'a missed beat' });
    sink.isDown = false;
    await nextBeats(sink, 1);
    expect(heartbeat.lease.id).toBe(id);
    expect(log.lines[0]).toMatchObject({ level: 'warn', message: 'no answer', fields: { worker: id } });
  });

  it('takes a new id when Redis was restarted, and keeps the old one alive while its runs last', async () => {
    const sink = new FakeSink();
    let running = 1;
    let old = '';
    beating(sink, (id) => (id === old ? running : 0));
    await heartbeat.begin();
    old = heartbeat.lease.id;
    sink.runId = 'run-2';
    await waitFor(() => heartbeat.lease.id !== old, { what: 'a new id' });
    await nextBeats(sink, 4);
    expect(new Set(sink.beats.slice(-2))).toEqual(new Set([old, heartbeat.lease.id]));
    expect(sink.left).toEqual([]);
    running = 0;
    await waitFor(() => sink.left.length > 0, { what: 'the old id to be left' });
    await nextBeats(sink, 4);
    expect(sink.left).toEqual([old]);
    expect(new Set(sink.beats.slice(-2))).toEqual(new Set([heartbeat.lease.id]));
  });

  it('keeps its id where Redis does not tell its run id', async () => {
    const sink = new FakeSink();
    beating(sink);
    await heartbeat.begin();
    const { id } = heartbeat.lease;
    sink.runId = null;
    await nextBeats(sink, 2);
    sink.runId = 'run-1';
    await nextBeats(sink, 2);
    expect(heartbeat.lease.id).toBe(id);
  });
});
