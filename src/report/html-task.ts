import type { ComparisonReport, PathCount, TaskComparison, VerdictLine } from '../domain/report.ts';
import { count, duration } from '../domain/wording.ts';
import { legendMark } from './chart.ts';
import { intervalChart } from './chart-interval.ts';
import { quantileChart } from './chart-quantiles.ts';
import { timelineChart } from './chart-timeline.ts';
import {
  type Compared,
  type ComparisonCell,
  type ComparisonRow,
  comparisonRows,
  parityFacts,
} from './comparison-rows.ts';
import { place, scrollable, value, verdictBadge } from './html-parts.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { timelineOf } from './timeline-bins.ts';
import { kindsText } from './wording.ts';

/** One judged task: its rules first, then what they rest on. @param id unique in the document */
export function taskSection(task: TaskComparison, report: ComparisonReport, id: string): Markup {
  return markup`
<article class="task" id="${id}" aria-labelledby="${id}-name">
<div class="task-head"><h2 id="${id}-name"><bdi>${task.task}</bdi></h2>${verdictBadge(task.verdict)}</div>
<ul class="rules">${task.lines.map((line) => ruleItem(line, `${id}-${line.rule}`))}</ul>
${figures(task, report, id, (entry) => entry === task.task)}
</article>`;
}

/** All tasks together, which have no verdict of their own. */
export function totalSection(report: ComparisonReport): Markup {
  return markup`
<section class="task" aria-labelledby="total-name">
<div class="task-head"><h2 id="total-name">All tasks together</h2></div>
${figures(report.total, report, 'total', () => true)}
</section>`;
}

function ruleItem(line: VerdictLine, id: string): Markup {
  const chart = intervalChart(id, line) ?? markup`<p class="muted small">No interval to show yet.</p>`;
  return markup`
<li>${verdictBadge(line.verdict)}<div><h3>${line.title}</h3><p>${line.evidence}</p><p class="muted small">allowed: ${line.threshold}</p></div><div>${chart}</div></li>`;
}

function figures(
  compared: Compared & Partial<TaskComparison>,
  report: ComparisonReport,
  id: string,
  isMine: (task: string) => boolean,
): Markup {
  const rows = comparisonRows(compared, report.gates);
  return markup`
<div class="pair">
<div><h3>Stable and canary</h3>${comparisonTable(rows, compared.task ?? 'all tasks')}</div>
<div>${timesFigure(compared, id)}<div class="block">${parityBlock(compared, report)}</div></div>
</div>
${pathsBlock(compared.parity.paths)}
${timelineFigure(report, id, isMine)}`;
}

function comparisonTable(rows: readonly ComparisonRow[], name: string): Markup {
  const cell = ({ text, interval }: ComparisonCell) =>
    interval === '' ? markup`${text}` : markup`${text} <span class="interval">(${interval})</span>`;
  const body = rows.map((row, i) => {
    const [before, after] = [rows[i - 1], rows[i + 1]];
    const isFirst = before !== undefined && before.group !== row.group;
    const isLast = after === undefined || after.group !== row.group;
    return markup`<tr class="${[isFirst ? 'group' : '', isLast ? 'end' : ''].join(' ').trim()}"><th scope="row">${row.label}</th><td class="number">${cell(row.stable)}</td><td class="number">${cell(row.canary)}</td><td class="difference">${cell(row.difference)}</td></tr>
`;
  });
  return scrollable(
    `Figures of ${name}`,
    markup`<table><thead><tr><td></td><th scope="col" class="number">${legendMark('stable')} stable</th><th scope="col" class="number">${legendMark('canary')} canary</th><th scope="col">difference</th></tr></thead><tbody class="figures-rows">${body}</tbody></table>`,
  );
}

function timesFigure(compared: Compared, id: string): Markup {
  const chart = quantileChart(`${id}-times`, compared);
  if (chart === null) return markup`<h3>Times</h3><p class="muted small">No run was timed.</p>`;
  return markup`<figure><h3>Times</h3>
<p class="legend"><span>${legendMark('stable')} stable</span><span>${legendMark('canary')} canary</span><span>large p50, small p95, hollow p99</span></p>
${chart}</figure>`;
}

function parityBlock(compared: Compared, { gates }: ComparisonReport): Markup {
  const kinds = kindsText(compared.parity.kinds);
  const facts = [...parityFacts(compared, gates), ...(kinds === '' ? [] : [['kinds', kinds] as const])];
  return markup`<h3>Answers</h3><dl class="facts">${facts.map(([label, text]) => markup`<dt>${label}</dt><dd>${text}</dd>`)}</dl>`;
}

function pathsBlock(paths: readonly PathCount[]): Markup {
  if (paths.length === 0) return NOTHING;
  const rows = paths.map(
    (path) =>
      markup`<tr><th scope="row" class="free">${place(path)}</th><td class="number">${count(path.pairs)}</td>${
        path.example === null
          ? markup`<td colspan="2" class="muted">no example is kept any more</td>`
          : markup`<td class="value">${value(path.example.stable)}</td><td class="value">${value(path.example.canary)}</td>`
      }</tr>
`,
  );
  return markup`<div class="block"><h3>Where answers differ, most frequent first</h3>${scrollable(
    'Where answers differ',
    markup`<table><thead><tr><th scope="col">place in the result</th><th scope="col" class="number">pairs</th><th scope="col">stable, newest example</th><th scope="col">canary</th></tr></thead><tbody>${rows}</tbody></table>`,
  )}</div>`;
}

function timelineFigure(report: ComparisonReport, id: string, isMine: (task: string) => boolean): Markup {
  const entries = report.timeline.filter(({ task }) => isMine(task));
  const timeline = timelineOf(entries, report.window);
  const chart = timelineChart(`${id}-timeline`, timeline);
  if (chart === null) return NOTHING;
  const failed = entries.some((entry) => entry.failed > 0)
    ? markup`<span>${legendMark('failed')} failed, below the line</span>`
    : NOTHING;
  return markup`<figure><h3>Finished tasks over time</h3>
<p class="legend"><span>${duration(timeline.binMs)} per bar, times in UTC, each row on its own scale, copies included</span>${failed}</p>
${chart}</figure>`;
}
