import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const REFUSED: readonly (readonly [file: string, imports: string, why: string])[] = [
  ['src/domain/probe-driver.ts', 'ioredis', 'domain is the innermost layer'],
  ['src/domain/probe-room.ts', '../state/ledger.ts', 'domain is the innermost layer'],
  ['src/routing/probe.ts', '../state/ledger.ts', 'Rooms meet in the ports of domain'],
  ['src/state/probe.ts', '../routing/router.ts', 'Rooms meet in the ports of domain'],
  ['src/backends/probe.ts', '../execution/janitor.ts', 'Rooms meet in the ports of domain'],
  ['src/execution/probe.ts', '../backends/bullmq.ts', 'Rooms meet in the ports of domain'],
  ['src/execution/probe-root.ts', '../hybrid-worker.ts', 'Rooms meet in the ports of domain'],
  ['src/rollback/probe.ts', '../state/ledger.ts', 'Rooms meet in the ports of domain'],
  ['src/rollback/probe-root.ts', '../manager/rollback.ts', 'Rooms meet in the ports of domain'],
  ['src/state/probe-rollback.ts', '../rollback/rollback.ts', 'Rooms meet in the ports of domain'],
  ['src/backends/probe-rollback.ts', '../rollback/tidying.ts', 'Rooms meet in the ports of domain'],
  ['src/parity/probe.ts', '../report/render.ts', 'Rooms meet in the ports of domain'],
  ['src/parity/probe-state.ts', '../state/pairs.ts', 'Rooms meet in the ports of domain'],
  ['src/parity/probe-root.ts', '../manager/comparison-report.ts', 'Rooms meet in the ports of domain'],
  ['src/parity/statistics/probe.ts', '../../report/numbers.ts', 'Rooms meet in the ports of domain'],
  ['src/report/probe.ts', '../parity/report-builder.ts', 'Rooms meet in the ports of domain'],
  ['src/report/probe-face.ts', '../cli/output.ts', 'Rooms meet in the ports of domain'],
  ['src/execution/probe-parity.ts', '../parity/comparer.ts', 'Rooms meet in the ports of domain'],
  ['src/state/probe-report.ts', '../report/numbers.ts', 'Rooms meet in the ports of domain'],
  ['src/domain/probe-parity.ts', '../parity/verdict.ts', 'domain is the innermost layer'],
  ['src/probe.ts', './cli/main.ts', 'A composition root does not know its faces'],
  ['src/manager/probe.ts', '../cli/main.ts', 'A composition root does not know its faces'],
  ['src/drill/probe.ts', '../cli/main.ts', 'A composition root does not know its faces'],
  ['src/cli/probe-report.ts', '../report/render.ts', 'A face goes through a composition root'],
  ['src/cli/commands/probe-parity.ts', '../../parity/verdict.ts', 'A face goes through a composition root'],
  ['src/cli/probe.ts', '../state/ledger.ts', 'A face goes through a composition root'],
  ['src/cli/commands/probe.ts', '../../backends/bullmq.ts', 'A face goes through a composition root'],
  ['examples/probe/probe.ts', '../../src/execution/janitor.ts', 'A face goes through a composition root'],
];

const ALLOWED: readonly (readonly [file: string, imports: string])[] = [
  ['src/domain/good.ts', './errors.ts'],
  ['src/domain/good-schema.ts', 'zod'],
  ['src/routing/good.ts', '../domain/errors.ts'],
  ['src/state/good.ts', 'ioredis'],
  ['src/execution/good.ts', '../domain/task.ts'],
  ['src/execution/good-own.ts', './janitor.ts'],
  ['src/rollback/good.ts', '../domain/rollback.ts'],
  ['src/rollback/good-own.ts', './evacuation.ts'],
  ['src/parity/good.ts', '../domain/aggregates.ts'],
  ['src/parity/good-own.ts', './statistics/proportions.ts'],
  ['src/report/good.ts', '../domain/report.ts'],
  ['src/report/good-own.ts', './chart.ts'],
  ['src/worker/good-parity.ts', '../parity/comparer.ts'],
  ['src/manager/good-report.ts', '../report/render.ts'],
  ['src/good.ts', './state/ledger.ts'],
  ['src/worker/good.ts', '../rollback/evacuation.ts'],
  ['src/manager/good.ts', '../backends/bullmq.ts'],
  ['src/cli/good.ts', '../hybrid-worker.ts'],
];

interface Finding {
  readonly message: string;
  readonly category: string;
  readonly location: { readonly path: string };
}

/** Of probe files in a folder of their own, by path: what the project's lint rules say of the import. */
let findings: Map<string, string>;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hybrid-layers-'));
  copyFileSync('biome.json', join(folder, 'biome.json'));
  for (const [file, imports] of [...REFUSED, ...ALLOWED]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `import { x } from '${imports}';\n\nexport const y = x;\n`);
  }
  const biome = resolve('node_modules/.bin/biome');
  const options = ['lint', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none', '.'];
  const { stdout, stderr } = spawnSync(biome, options, { cwd: folder, encoding: 'utf8' });
  if (!stdout.startsWith('{')) throw new Error(`biome gave no report: ${stderr}`);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Finding[] };
  findings = new Map(
    diagnostics
      .filter(({ category }) => category === 'lint/style/noRestrictedImports')
      .map(({ location, message }) => [location.path, message]),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the layering rules of biome.json', () => {
  it.each(REFUSED)('%s may not import %s', (file, _imports, why) => {
    expect(findings.get(file)).toContain(why);
  });

  it.each(ALLOWED)('%s may import %s', (file) => {
    expect(findings.get(file)).toBeUndefined();
  });
});
