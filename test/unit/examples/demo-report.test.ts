import { describe, expect, it } from '@jest/globals';
import { reportText } from '../../../examples/document-metadata/demo-report.ts';
import type { DemoSummary } from '../../../examples/document-metadata/demo-summary.ts';
import { aligned, wrap } from '../../../examples/document-metadata/demo-text.ts';

const SCREEN = { columns: 80, isColored: false };
const SUMMARY: DemoSummary = {
  status: 'completed',
  source: '/data/notes',
  namespace: 'hybrid-demo',
  redis: { host: '127.0.0.1:6379', isPrivate: false },
  workers: 2,
  ratio: { target: 0.25, epoch: 3, changes: [] },
  documents: { read: 12, completed: 12, partial: 0, split: 0 },
  chunks: {
    read: 1204,
    kept: 0,
    submitted: 1204,
    succeeded: 1204,
    failed: 0,
    retried: 1,
    unanswered: 0,
    english: 1200,
    chinese: 4,
  },
  failures: [],
  injection: null,
  report: {
    verdict: 'successful',
    headline: 'successful: generate-metadata: 0 of 451 pairs differ; median run time 1.02 times stable’s',
    path: '/data/out/report.html',
    pairs: 451,
    mismatched: 0,
    controlPairs: 50,
    uncompared: 0,
  },
  backends: {
    stable: {
      product: 'bee-queue',
      documents: 9,
      documentShare: 0.75,
      chunks: 1004,
      chunkShare: 0.8339,
      succeeded: 1004,
      failed: 0,
      retried: 1,
      queueWaitMs: { p50: 12, p95: 40 },
      runMs: { p50: 7, p95: 20 },
      chunksPerSecond: 100.4,
    },
    canary: {
      product: 'BullMQ',
      documents: 3,
      documentShare: 0.25,
      chunks: 200,
      chunkShare: 0.1661,
      succeeded: 200,
      failed: 0,
      retried: 0,
      queueWaitMs: { p50: 9, p95: 40 },
      runMs: { p50: 11, p95: 20 },
      chunksPerSecond: 20,
    },
  },
  durationMs: 10_040,
  chunksPerSecond: 119.9,
  live: {
    ledger: {
      accepted: 200,
      succeeded: 200,
      failed: 0,
      cancelled: 0,
      reassigned: 0,
      movedSucceeded: 0,
      movedFailed: 0,
      movedCancelled: 0,
      handedOver: 0,
      corrupt: 0,
      movedCorrupt: 0,
      openCanary: 0,
      openMoved: 0,
      conserved: true,
    },
    plain: { succeeded: 1004, failed: 0, cancelled: 0 },
    parked: 0,
  },
  skipped: { count: 1, first: [{ path: '/data/notes/old/a.txt', reason: 'binary' }] },
  output: '/data/out',
  example: {
    documentId: 'moving.md',
    title: 'Moving',
    chunkId: 'moving.md#0001',
    backend: 'canary',
    summary: 'A queue is moved a few percent at a time, and the answers of both are compared.',
    keywords: ['queue', 'answers'],
  },
  next: [
    { command: 'npx hybrid status --config config/demo.yaml', what: 'both backends, live' },
    { command: `npx hybrid ratio 0.5 --reason "${'long '.repeat(8)}"`, what: 'while a demo runs' },
  ],
};

describe('reportText', () => {
  it('shows a run on one screen of 80 columns', () => {
    expect(reportText(SUMMARY, SCREEN)).toBe(`Done: 12 documents, 1,204 chunks in 10.0 s, 120 chunks/s.
Chunks     1,204 succeeded, 0 failed, 1 retried; 1,200 English, 4 Chinese
Skipped    1 (old/a.txt: binary)
Redis      in all runs: canary 200 of 200 succeeded (conserved), stable 1,004

                    documents          chunks           wait    run  chunks/s
stable (bee-queue)          9  75.0 %   1,004  83.4 %  12 ms   7 ms     100.4
canary (BullMQ)             3  25.0 %     200  16.6 %   9 ms  11 ms      20.0
target                         25.0 %                  (p50)  (p50)
The sticky key is the document, so all its chunks go one way: the share of
documents follows the target, that of chunks also depends on their sizes.

Example    Moving (moving.md)
           A queue is moved a few percent at a time, and the answers of both are
           compared.
           Keywords: queue, answers

Output     /data/out
Report     /data/out/report.html
Verdict    successful: generate-metadata: 0 of 451 pairs differ; median run time
           1.02 times stable’s

Next:
  npx hybrid status --config config/demo.yaml  both backends, live
  npx hybrid ratio 0.5 --reason "long long long long long long long long "`);
  });

  it('tells what went wrong, and what others did meanwhile', () => {
    const incomplete: DemoSummary = {
      ...SUMMARY,
      status: 'incomplete',
      failures: ['a.md#0001: Task "generate-metadata" failed'],
      ratio: { ...SUMMARY.ratio, changes: [{ epoch: 4, celeryRatio: 0, frozen: true, by: 'cli:me@here' }] },
      documents: { read: 12, completed: 11, partial: 1, split: 1 },
      chunks: { ...SUMMARY.chunks, succeeded: 1202, failed: 1, unanswered: 1 },
      live: { ...SUMMARY.live, ledger: { ...SUMMARY.live.ledger, conserved: false } },
    };
    const text = reportText(incomplete, SCREEN);
    expect(text).toMatch(/^Not all of it worked: 12 documents/);
    expect(text).toMatch(/1,202 succeeded, 1 failed, 1 retried, 1 without an answer/);
    expect(text).toMatch(/Failed {5}a\.md#0001: Task/);
    expect(text).toMatch(/Meanwhile {2}frozen at epoch 4, by cli:me@here/);
    expect(text).toMatch(/NOT conserved/);
  });

  it('tells chunks that were to fail from others that did not work', () => {
    const failing: DemoSummary = {
      ...SUMMARY,
      status: 'incomplete',
      injection: 'errors',
      chunks: { ...SUMMARY.chunks, succeeded: 1154, failed: 50 },
    };
    expect(reportText(failing, SCREEN)).toMatch(/^Done, but for what was to fail: 12 documents/);
    expect(reportText(failing, SCREEN).replace(/\n {11}/g, ' ')).toMatch(
      /\nInjected {3}on purpose: on canary \(BullMQ\) 25 % of the chunks fail with E_INJECTED, on every try\n/,
    );
    const unanswered = { ...failing, chunks: { ...failing.chunks, unanswered: 1 } };
    expect(reportText(unanswered, SCREEN)).toMatch(/^Not all of it worked: 12 documents/);
  });

  it('colours the verdict', () => {
    const line = (verdict: 'successful' | 'failed' | 'inconclusive') => {
      const report = SUMMARY.report && { ...SUMMARY.report, verdict, headline: `${verdict}: because` };
      const text = reportText({ ...SUMMARY, report }, { columns: 80, isColored: true });
      return text.split('\n').find((one) => one.includes('Verdict'));
    };
    const [green, yellow, red] = ['\u001b[32m', '\u001b[33m', '\u001b[31m'];
    expect(line('successful')).toContain(`${green}successful: because`);
    expect(line('inconclusive')).toContain(`${yellow}inconclusive: because`);
    expect(line('failed')).toContain(`${red}failed: because`);
  });

  it('says in a few lines that an interrupted run can go on', () => {
    const text = reportText({ ...SUMMARY, status: 'interrupted', report: null }, SCREEN);
    expect(text).toMatch(
      /^Interrupted: .*\n(.*\n){4}The same command again goes on where this one stopped\.$/,
    );
  });
});

describe('wrap', () => {
  it('breaks at blanks only, and never inside a bracket', () => {
    expect(wrap('one two (three four) five-six', 12, '> ')).toBe('one two\n> (three four)\n> five-six');
  });

  it('counts a Chinese character as two columns and breaks between words', () => {
    const lines = wrap('旧队列继续工作，新队列先接手一小部分任务。', 12, '').split('\n');
    expect(lines.join('')).toBe('旧队列继续工作，新队列先接手一小部分任务。');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      expect(line.length * 2).toBeLessThanOrEqual(14);
      expect(line).not.toMatch(/^[，。]/);
    }
  });
});

describe('aligned', () => {
  it('puts numbers on the right', () => {
    expect(
      aligned([
        ['a', '1'],
        ['long', '1,000'],
      ]),
    ).toEqual(['a         1', 'long  1,000']);
  });
});
