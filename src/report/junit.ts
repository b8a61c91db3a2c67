import type { ComparisonReport, TaskComparison, Verdict, VerdictLine } from '../domain/report.ts';
import { plural, timestamp } from '../domain/wording.ts';
import { lines, type Markup, markup } from './markup.ts';
import { kindsText, placeOf, UNJUDGED, windowText } from './wording.ts';

interface Case {
  readonly name: string;
  readonly verdict: Verdict;
  readonly message: string;
  readonly text: string;
}

interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
}

/** For CI: a suite per task, a case per rule; inconclusive is skipped, which no CI takes for a success. */
export function junitReport(report: ComparisonReport): string {
  const suites: readonly Suite[] =
    report.tasks.length > 0 ? report.tasks.map(suiteOf) : [{ name: 'report', cases: [emptyCase(report)] }];
  const all = suites.flatMap(({ cases }) => cases);
  const document = markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="${`hybrid report ${report.namespace}`}"${numbers(all)} time="0">${suites.map((suite) => suiteXml(suite, report))}
</testsuites>
`;
  return document.toString();
}

function suiteOf(task: TaskComparison): Suite {
  if (task.verdict !== null) return { name: task.task, cases: task.lines.map((line) => caseOf(line, task)) };
  return {
    name: task.task,
    cases: [{ name: 'judged', verdict: 'inconclusive', message: `not judged: ${UNJUDGED}`, text: '' }],
  };
}

function caseOf(line: VerdictLine, task: TaskComparison): Case {
  const facts = [`${line.title}: ${line.evidence}`, `allowed: ${line.threshold}`];
  if (line.rule === 'mismatches' && task.parity.mismatched > 0) {
    facts.push(`kinds: ${kindsText(task.parity.kinds)}`);
    for (const path of task.parity.paths)
      facts.push(`differs: ${placeOf(path)} in ${plural(path.pairs, 'pair')}`);
  }
  return { name: line.title, verdict: line.verdict, message: line.evidence, text: facts.join('\n') };
}

function emptyCase({ headline, verdict }: ComparisonReport): Case {
  return { name: 'verdict', verdict, message: headline, text: headline };
}

function numbers(cases: readonly Case[]): Markup {
  const failures = cases.filter(({ verdict }) => verdict === 'failed').length;
  const skipped = cases.filter(({ verdict }) => verdict === 'inconclusive').length;
  return markup` tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
}

function suiteXml({ name, cases }: Suite, report: ComparisonReport): Markup {
  // Numbered, because readers of this form may keep one property of a name.
  const notes = report.notes.map(
    (note, i) => markup`
      <property name="note ${i + 1}" value="${note}"/>`,
  );
  return markup`
  <testsuite name="${name}"${numbers(cases)} time="0" timestamp="${timestamp(report.at).replace('Z', '')}">
    <properties>
      <property name="headline" value="${report.headline}"/>
      <property name="window" value="${windowText(report)}"/>${notes}
    </properties>${cases.map((one) => caseXml(one, name))}
  </testsuite>`;
}

function caseXml({ name, verdict, message, text }: Case, suite: string): Markup {
  const start = markup`
    <testcase name="${name}" classname="${suite}" time="0"`;
  if (verdict === 'successful') return markup`${start}/>`;
  const inner =
    verdict === 'failed'
      ? markup`<failure type="${name}" message="${message}">${lines(text)}</failure>`
      : markup`<skipped message="${message}"/>`;
  return markup`${start}>
      ${inner}
    </testcase>`;
}
