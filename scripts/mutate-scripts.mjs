// Do the tests notice when a rule is missing, from the Lua scripts or from the rollback? Takes out one rule at a time, in a copy of the
// project, and runs the tests that should fail. A rule that can go unnoticed ends this with exit code 1.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const MUTATIONS = [
  {
    rule: 'accept: no decision of an older epoch (I3)',
    file: 'accept.lua',
    find: 'elseif isOpenFor ~= epoch then',
    replace: 'elseif not isOpenFor then',
    test: 'test/faults/stale-epoch.test.ts',
  },
  {
    rule: 'start: only for the backend that owns the task (I2)',
    file: 'start.lua',
    find: "if owner ~= backend then return { 'skip', 'moved' } end",
    replace: '',
    test: 'test/faults/lost-answers.test.ts',
  },
  {
    rule: 'finish: only with the token granted last (I1)',
    file: 'finish.lua',
    find: "elseif e[1] and (e[3] ~= token or e[2] ~= 'running') then",
    replace: "elseif e[1] and e[2] ~= 'running' then",
    test: 'test/faults/worker-paused.test.ts',
  },
  {
    rule: 'reassign: not what a live worker runs',
    file: 'reassign.lua',
    find: "or (e[2] == 'running' and mayJudge and not isAlive(e[3] or ''))",
    replace: "or e[2] == 'running'",
    test: 'test/faults/rollback-paused.test.ts',
    name: 'ends in time stays where it is',
  },
  {
    rule: 'reassign: also what a dead worker was running',
    file: 'reassign.lua',
    find: "or (e[2] == 'running' and mayJudge and not isAlive(e[3] or ''))",
    replace: '',
    test: 'test/faults/rollback-paused.test.ts',
    name: 'ends well, changes nothing when the run on stable is under way',
  },
  {
    rule: 'reassign: nothing once somebody has resumed',
    file: 'reassign.lua',
    find: "guard == 'frozen' and redis.call('HGET', P .. 'control', 'frozen') ~= 'rollback'",
    replace: 'false',
    test: 'test/faults/rollback-paused.test.ts',
    name: 'an operator who sleeps',
  },
  {
    rule: 'retry: to stable while frozen',
    file: 'retry.lua',
    find: "if e[1] == 'canary' and redis.call('HGET', P .. 'control', 'frozen') == 'rollback' then",
    replace: 'if false then',
    test: 'test/faults/rollback-paused.test.ts',
    name: 'heeds its signal',
  },
  {
    rule: 'retry: only with the token granted last',
    file: 'retry.lua',
    find: "if e[2] ~= 'running' or e[3] ~= token then",
    replace: "if e[2] ~= 'running' then",
    test: 'test/faults/rollback-paused.test.ts',
    name: 'is aborted, changes nothing',
  },
  {
    rule: 'rollback: verify enqueues what was moved and is in no queue',
    file: '../../manager/moved-delivery.ts',
    find: "(ids) => mendOpenTasks(c.ledger, 'stable', c.stable, ids)",
    replace: '() => Promise.resolve({ open: [], enqueued: 0, unreadable: [] })',
    test: 'test/faults/rollback-killed.test.ts',
    name: 'enqueues it when it is run again',
  },
];

const project = resolve(import.meta.dirname, '..');
const copy = mkdtempSync(join(tmpdir(), 'hybrid-mutations-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const part of [
  'src',
  'test',
  'examples',
  'scripts',
  'config',
  'package.json',
  'tsconfig.json',
  'jest.config.mjs',
]) {
  cpSync(join(project, part), join(copy, part), { recursive: true });
}
symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));

/** @param {string} [name] only tests with this in their names @returns {{ passed: number, failed: string[] }} */
function runTests(tests, name) {
  const report = join(copy, 'report.json');
  const jest = join(project, 'node_modules/jest/bin/jest.js');
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const args = [...flags, jest, ...tests, ...(name ? ['-t', name] : []), '--json', `--outputFile=${report}`];
  rmSync(report, { force: true });
  spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore' });
  const { numPassedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  // A file that does not even load has noticed nothing.
  if (numRuntimeErrorTestSuites > 0) throw new Error(`Cannot run ${tests.join(', ')}.`);
  const failed = testResults
    .flatMap((file) => file.assertionResults)
    .filter((test) => test.status === 'failed')
    .map((test) => test.fullName);
  return { passed: numPassedTests, failed };
}

const untouched = runTests([...new Set(MUTATIONS.map(({ test }) => test))]);
if (untouched.failed.length > 0 || untouched.passed === 0) {
  console.error(`Without any mutation these tests fail already: ${untouched.failed.join('; ')}`);
  process.exit(1);
}
console.log(`Untouched: ${untouched.passed} tests pass.`);

let unnoticed = 0;
for (const { rule, file, find, replace, test, name } of MUTATIONS) {
  const path = join(copy, 'src/state/lua', file);
  const lua = readFileSync(path, 'utf8');
  if (lua.split(find).length !== 2) throw new Error(`${file} does not hold this line exactly once: ${find}`);
  writeFileSync(path, lua.replace(find, replace));
  const { failed } = runTests([test], name);
  writeFileSync(path, lua);
  if (failed.length === 0) unnoticed += 1;
  console.log(`${failed.length > 0 ? 'noticed' : 'UNNOTICED'}: ${rule}\n  ${failed.join('\n  ') || test}`);
}
console.log(`${MUTATIONS.length - unnoticed} of ${MUTATIONS.length} missing rules were noticed.`);
process.exit(unnoticed === 0 ? 0 : 1);
