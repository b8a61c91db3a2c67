import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { DemoSummary } from '../../examples/document-metadata/demo-summary.ts';
import { compiled } from '../support/compiled.ts';
import { DEMO_CONFIG, DEMO_TEST_MS, demoScene, endOf } from '../support/demo-scene.ts';

const TASKS = 'examples/document-metadata/task.ts';
const scene = demoScene();

describe('the report at the end of the demo', () => {
  it(
    'says that a few documents are too few, and leaves the whole report beside the results',
    async () => {
      scene.putDocuments(4);
      const { code, stdout } = await endOf(scene.start('docs', '--out', 'out', '--ratio', '0.5'));
      expect(code).toBe(0);
      expect(stdout).toMatch(/\nReport {5}out\/report\.html\nVerdict {4}inconclusive: generate-metadata: /);
      expect(stdout).toMatch(/\nNext:\n {2}npx hybrid report --config \S*demo\.yaml --open\n/);
      const html = readFileSync(join(scene.home, 'out', 'report.html'), 'utf8');
      expect(html).toMatch(/^<!doctype html>/i);
      expect(html).toContain('generate-metadata');
    },
    DEMO_TEST_MS,
  );

  it(
    'counts every chunk of its run and none of another, also within the same minute',
    async () => {
      scene.putDocuments(6);
      const runs = [
        await scene.summaryOf('docs', '--out', 'out', '--ratio', '0.5'),
        await scene.summaryOf('docs', '--out', 'elsewhere', '--ratio', '0.3', '--limit', '5'),
      ];
      for (const { report, status } of runs) {
        expect(status).toBe('completed');
        expect(report).toMatchObject({ verdict: 'inconclusive', mismatched: 0, uncompared: 0 });
        expect(report?.headline).toMatch(/^inconclusive: generate-metadata: /);
        expect(existsSync(report?.path ?? '')).toBe(true);
      }
      const last = runs[1] as DemoSummary;
      const { total } = await scene.hybrid('report', '--config', DEMO_CONFIG);
      expect(total.routed.total).toBe(last.chunks.submitted);
      expect(total.backends.stable.assigned.succeeded).toBe(last.backends.stable.chunks);
      expect(total.backends.canary.assigned.succeeded).toBe(last.backends.canary.chunks);
      const { pairs, controlPairs } = last.report ?? { pairs: -1, controlPairs: -1 };
      expect([total.parity.pairs, total.parity.noise.pairs]).toEqual([pairs, controlPairs]);
      expect(total.backends.canary.shadow.succeeded).toBe(pairs);
    },
    DEMO_TEST_MS,
  );
});

describe('a demo that goes wrong on purpose', () => {
  it(
    'mismatch: fails, and says where the results differ; the run right after it is clean',
    async () => {
      // So many, because stable's own noise has to be known as well.
      scene.putDocuments(100);
      const wrong = await scene.summaryOf('docs', '--inject', 'mismatch', '--ratio', '0.1');
      expect(wrong).toMatchObject({ status: 'completed', injection: 'mismatch' });
      expect(wrong.namespace).toBe('hybrid-demo-inject-mismatch');
      expect(wrong.report?.verdict).toBe('failed');
      expect(wrong.report?.headline).toMatch(/pairs differ .*most often at \/metadata\/words/);
      expect(wrong.output).toMatch(/-inject-mismatch$/);

      const right = await scene.summaryOf('docs', '--limit', '20');
      expect(right.report).toMatchObject({ verdict: 'inconclusive', mismatched: 0, uncompared: 0 });
      expect(right.report?.pairs).toBeGreaterThan(0);
      expect(right.live.ledger.succeeded).toBe(right.backends.canary.chunks);
      const own = join(wrong.output, 'demo.yaml');
      expect(await scene.hybrid('parity', 'mismatches', '--config', DEMO_CONFIG)).toHaveLength(0);
      const kept = await scene.hybrid('parity', 'mismatches', '--config', own, '--limit', '1000');
      expect(kept).toHaveLength(wrong.report?.mismatched ?? -1);
      for (const { differences, stable, canary } of kept) {
        expect(differences).toMatchObject([{ path: '/metadata/words' }]);
        // Summaries are sentences of the documents.
        for (const side of [stable, canary]) expect(JSON.parse(side).metadata.summary).toBe('[redacted]');
      }
      const status = await scene.hybrid('status', '--config', own, '--app', compiled(TASKS));
      expect({ ledger: status.ledger, plain: status.plain, parked: status.parked }).toEqual(wrong.live);
    },
    DEMO_TEST_MS,
  );

  it(
    'errors: fails because canary does, and ends with 0 all the same',
    async () => {
      scene.putDocuments(30);
      const { code, stdout, stderr } = await endOf(
        scene.start('docs', '--inject', 'errors', '--ratio', '0.5'),
      );
      expect(code).toBe(0);
      expect(stderr.replace(/\s+/g, ' ')).toMatch(
        /^Injected on purpose: on canary \(BullMQ\) 25 % of the chunks fail with E_INJECTED, on every try\. /,
      );
      expect(stderr).not.toMatch(/to see why/);
      expect(stdout).toMatch(/^\nDone, but for what was to fail: 30 documents, /);
      expect(stdout.replace(/\s+/g, ' ')).toMatch(
        /Verdict failed: generate-metadata: canary fails [\d.]+ % of its tasks, stable 0 %/,
      );
    },
    DEMO_TEST_MS,
  );

  it(
    'slow: fails because of the median run time',
    async () => {
      scene.putDocuments(50);
      const { report, backends } = await scene.summaryOf('docs', '--inject', 'slow', '--ratio', '0.4');
      expect(backends.stable.failed + backends.canary.failed).toBe(0);
      expect(report).toMatchObject({ verdict: 'failed', mismatched: 0, uncompared: 0 });
      expect(report?.headline).toMatch(/canary is slower: its median run time is /);
    },
    DEMO_TEST_MS,
  );
});

describe('the demo on its default documents', () => {
  it(
    'is successful: not one pair differs',
    async () => {
      const { status, report } = await scene.summaryOf('--out', 'out');
      expect(status).toBe('completed');
      expect(report).toMatchObject({ mismatched: 0, uncompared: 0 });
      expect(report?.pairs).toBeGreaterThan(300);
      expect(report?.headline).toMatch(/^successful: generate-metadata: /);
      expect(await scene.withManager((manager) => manager.mismatches())).toEqual([]);
    },
    DEMO_TEST_MS,
  );
});
