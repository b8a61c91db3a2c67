import { createHash } from 'node:crypto';
import type { ComparisonReport, RoutedPart, TaskComparison, VerdictLine } from '../domain/report.ts';
import { count, duration, percent, plural } from '../domain/wording.ts';
import { mismatchSection } from './html-mismatches.ts';
import { code, scrollable, time, verdictBadge } from './html-parts.ts';
import { STYLE } from './html-style.ts';
import { taskSection, totalSection } from './html-task.ts';
import { Markup, markup, NOTHING } from './markup.ts';
import { causeOf, gateWords, NOTHING_COUNTED, nextSteps, UNJUDGED, VERDICT_WORDS } from './wording.ts';

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
/** Nothing may be loaded and nothing run, whatever a value in the report looks like. */
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** One file that asks for nothing else: style and charts are in it, there is no script. */
export function htmlReport(report: ComparisonReport): string {
  const judged = report.tasks.filter(({ verdict }) => verdict !== null);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${`${VERDICT_WORDS[report.verdict]}: comparison report of ${report.namespace}`}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<div class="wrap">
${head(report)}
<main>
${report.tasks.length > 0 ? keyFigures(report) : NOTHING}
${judged.length > 1 ? overview(judged) : NOTHING}
${judged.map((task) => taskSection(task, report, taskId(task, judged)))}
${mismatchSection(report)}
${unjudgedSection(report)}
${report.tasks.length > 1 ? totalSection(report) : NOTHING}
</main>
${foot(report)}
</div>
</body>
</html>
`.toString();
}

function taskId(task: TaskComparison, tasks: readonly TaskComparison[]): string {
  return `task-${tasks.indexOf(task) + 1}`;
}

function head(report: ComparisonReport): Markup {
  const { window, at, newestAt, notes, namespace } = report;
  const steps = nextSteps(report).map(({ text, command }) => markup`<li>${text}: ${code(command)}</li>`);
  return markup`<header>
<p class="eyebrow"><span>Comparison report of <b><bdi>${namespace}</bdi></b></span><span>stable: bee-queue, canary: BullMQ</span></p>
${verdictBadge(report.verdict, 'large')}
<h1>${causeOf(report)}</h1>
<dl class="meta"><div><dt>Window</dt><dd>${time(window.from)} to ${time(window.to)} (${duration(window.to - window.from)})</dd></div><div><dt>Freshness</dt><dd>${newestAt === null ? NOTHING_COUNTED : markup`newest figures of ${time(newestAt)}`}</dd></div><div><dt>Made</dt><dd>${time(at)}</dd></div></dl>
<ul class="steps" aria-label="What to type next">${steps}</ul>
${notes.length === 0 ? NOTHING : markup`<ul class="notes" aria-label="Notes">${notes.map((note) => markup`<li>${note}</li>`)}</ul>`}
</header>`;
}

/** The whole window in five numbers. */
function keyFigures({ total, tasks }: ComparisonReport): Markup {
  const { routed, parity } = total;
  const { stable, canary } = total.backends;
  const rate = (side: typeof stable) =>
    side.errorRate === null ? 'none finished' : percent(side.errorRate.estimate);
  const figures: readonly (readonly [string, string, string])[] = [
    [
      'Tasks submitted',
      count(stable.assigned.submitted + canary.assigned.submitted),
      plural(tasks.length, 'kind of task', 'kinds of tasks'),
    ],
    [
      'On canary',
      routed.canaryShare === null ? 'none' : percent(routed.canaryShare.estimate),
      aimText(routed),
    ],
    ['Error rate on canary', rate(canary), `stable: ${rate(stable)}`],
    ['Pairs compared', count(parity.pairs), `${count(parity.noise.pairs)} control pairs`],
    [
      'Mismatches',
      count(parity.mismatched),
      parity.rate === null ? 'nothing was compared' : `at most ${percent(parity.rate.high)} of pairs`,
    ],
  ];
  return markup`<dl class="figures" aria-label="All tasks together">${figures.map(
    ([label, number, detail]) =>
      markup`<div><dt>${label}</dt><dd>${number}<span class="small">${detail}</span></dd></div>`,
  )}</dl>`;
}

/** A ratio may well be in force where no share is expected: of submissions that share a sticky key none is drawn by itself. */
function aimText({ canaryShare, targetShare }: RoutedPart): string {
  if (targetShare !== null) return `aimed at ${percent(targetShare)}`;
  return canaryShare === null
    ? 'ratio or flag sent nothing'
    : 'none was drawn by itself, so no share is expected';
}

/** Every judged task in one row, to find the bad one among many. */
function overview(tasks: readonly TaskComparison[]): Markup {
  const rules = new Map<VerdictLine['rule'], string>();
  for (const line of tasks.flatMap((task) => task.lines)) {
    if (!rules.has(line.rule)) rules.set(line.rule, line.title);
  }
  const rows = tasks.map((task) => {
    const cells = [...rules.keys()].map((rule) => {
      const line = task.lines.find((one) => one.rule === rule);
      return markup`<td>${line === undefined ? NOTHING : verdictBadge(line.verdict)}</td>`;
    });
    return markup`<tr><th scope="row" class="free"><a href="#${taskId(task, tasks)}"><bdi>${task.task}</bdi></a></th><td>${verdictBadge(task.verdict)}</td>${cells}</tr>
`;
  });
  const heads = [...rules.values()].map((title) => markup`<th scope="col">${title}</th>`);
  return markup`<section aria-labelledby="overview"><h2 id="overview">Tasks</h2>${scrollable(
    'Verdicts by task and rule',
    markup`<table><thead><tr><th scope="col">task</th><th scope="col">verdict</th>${heads}</tr></thead><tbody>${rows}</tbody></table>`,
  )}</section>`;
}

function unjudgedSection({ tasks }: ComparisonReport): Markup {
  const unjudged = tasks.filter(({ verdict }) => verdict === null);
  if (unjudged.length === 0) return NOTHING;
  const rows = unjudged.map(({ task, backends: { stable } }) => {
    const rate = stable.errorRate === null ? 'none finished' : percent(stable.errorRate.estimate);
    return markup`<tr><th scope="row" class="free"><bdi>${task}</bdi></th><td class="number">${count(stable.finished)}</td><td class="number">${rate}</td></tr>
`;
  });
  return markup`
<section aria-labelledby="unjudged"><h2 id="unjudged">Not judged: ${UNJUDGED}</h2>${scrollable(
    'Tasks that are not judged',
    markup`<table><thead><tr><th scope="col">task</th><th scope="col" class="number">finished on stable</th><th scope="col" class="number">error rate</th></tr></thead><tbody>${rows}</tbody></table>`,
  )}</section>`;
}

function foot(report: ComparisonReport): Markup {
  const limits = gateWords(report.gates).map(([name, limit]) => markup`<dt>${name}</dt><dd>${limit}</dd>`);
  return markup`<footer>
<h2>How this was judged</h2>
<dl class="facts">${limits}</dl>
<p class="footnote">All intervals are 95 % intervals. A rule is successful when the whole interval is within its limit and there is enough data, failed when the whole of it is beyond the limit, and inconclusive otherwise. A ratio that was not kept never fails canary, but puts the comparison in doubt. Errors and times are those of tasks that came by ratio or flag, and of copies; forced tasks and those that were brought back are left out. Made by hybrid report at ${time(report.at)}.</p>
</footer>`;
}
