import { DARK, LIGHT, properties } from './html-palette.ts';
import { CHART_STYLE } from './html-style-charts.ts';

/** Dark is for screens only: paper is light. */
const COLORS = `
:root { color-scheme: light dark; ${properties(LIGHT)} }
@media screen and (prefers-color-scheme: dark) { :root { ${properties(DARK)} } }
@media print { :root { color-scheme: light; } }`;

const TEXT = `
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
h1, h2, h3, p, dl, dd, ul, figure, pre { margin: 0; }
h1, h2, h3, p, dd, li, td, th, summary { overflow-wrap: anywhere; }
h1 { font-size: clamp(20px, 2.6vw, 25px); line-height: 1.3; font-weight: 620; letter-spacing: -.012em; margin-top: 14px; max-width: 46em; }
h2 { font-size: 19px; line-height: 1.35; font-weight: 620; letter-spacing: -.008em; }
h3 { font-size: 14px; line-height: 1.4; font-weight: 620; margin-bottom: 10px; }
a { color: var(--canary); text-underline-offset: 2px; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--canary); outline-offset: 2px; border-radius: 3px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: .87em; }
time { white-space: nowrap; }
.muted, .eyebrow, .meta dt, .figures dt, .facts dt, .footnote { color: var(--muted); }
.small, .footnote { font-size: 13px; }
.successful { color: var(--successful); }
.failed { color: var(--failed); }
.inconclusive { color: var(--inconclusive); }
.unjudged { color: var(--muted); }
.verdict { display: inline-flex; align-items: center; gap: 7px; font-weight: 620; white-space: nowrap; }
.verdict svg { flex: none; }
.verdict.large { font-size: 15px; border: 1px solid currentColor; border-radius: 6px; padding: 3px 11px 3px 8px; margin-top: 22px; }`;

const LAYOUT = `
.wrap { max-width: 1040px; margin: 0 auto; padding: 0 clamp(16px, 4vw, 40px); }
header { padding-top: 28px; }
.eyebrow { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 16px; font-size: 13px; }
.eyebrow b { color: var(--text); font-weight: 600; }
.meta { display: flex; flex-wrap: wrap; gap: 6px 28px; margin-top: 16px; font-size: 13px; }
.meta div { display: flex; gap: 0 8px; flex-wrap: wrap; }
.steps { margin-top: 12px; font-size: 14px; list-style: none; padding: 0; display: grid; gap: 4px; }
.steps code { background: var(--surface); border-radius: 4px; padding: 2px 6px; }
.notes { margin-top: 16px; padding: 10px 14px 10px 30px; background: var(--surface); border-radius: 6px; font-size: 14px; }
.figures { display: grid; grid-template-columns: repeat(5, 1fr); margin-top: 26px; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; gap: 1px; background: var(--line); }
.figures div { padding: 12px 16px; background: var(--page); }
.figures dt { font-size: 13px; }
.figures dd { font-size: 20px; line-height: 1.35; font-weight: 600; letter-spacing: -.01em; }
.figures .small { display: block; font-weight: 400; letter-spacing: 0; color: var(--muted); }
section { margin-top: 44px; }
section > h2 { margin-bottom: 14px; }
.task { margin-top: 40px; padding-top: 26px; border-top: 1px solid var(--line); }
.task-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; margin-bottom: 14px; }
.task-head h2 { margin: 0; }
.rules { list-style: none; padding: 0; border: 1px solid var(--line); border-radius: 8px; }
.rules li { display: grid; grid-template-columns: 128px minmax(0, 1fr) minmax(0, 1fr); gap: 6px 22px; padding: 13px 16px; align-items: start; font-size: 14px; }
.rules li + li { border-top: 1px solid var(--line); }
.rules h3 { margin: 0 0 2px; }
.rules li > :last-child { align-self: center; }
.pair { display: grid; grid-template-columns: minmax(0, 6fr) minmax(0, 5fr); gap: 28px 36px; margin-top: 28px; align-items: start; }
.block, figure { margin-top: 28px; }
.pair figure { margin-top: 0; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 16px; font-size: 14px; }
.mismatch { border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; margin-top: 14px; }
.mismatch h3 { margin: 0; }
.mismatch > p { font-size: 13px; color: var(--muted); margin-top: 2px; }
.mismatch > .note { color: var(--text); font-size: 14px; margin-top: 8px; }
.mismatch .scroll { margin-top: 10px; }
details { margin-top: 10px; font-size: 14px; }
summary { cursor: pointer; color: var(--muted); width: fit-content; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 12px; margin-top: 10px; }
.sides p { font-size: 13px; color: var(--muted); margin-bottom: 4px; }
pre { background: var(--surface); border-radius: 6px; padding: 10px 12px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 26em; overflow-y: auto; line-height: 1.45; font-size: 12.5px; }
footer { margin: 52px 0 40px; padding-top: 22px; border-top: 1px solid var(--line); }
footer h2 { margin-bottom: 10px; }
.footnote { margin-top: 14px; max-width: 64em; }`;

/**
 * Where a table goes on behind an edge, there is a shadow. Its two covers move with the content (`local`) and so lie over
 * a shadow only where there is no more to scroll to.
 */
const SCROLLERS = `
.scroll { overflow-x: auto; max-width: 100%; background: linear-gradient(to right, var(--page) 40%, transparent) left / 40px 100% no-repeat local, linear-gradient(to left, var(--page) 40%, transparent) right / 40px 100% no-repeat local, linear-gradient(to right, var(--shadow), transparent) left / 16px 100% no-repeat scroll, linear-gradient(to left, var(--shadow), transparent) right / 16px 100% no-repeat scroll; }
@media (forced-colors: active) { .scroll { background: none; } }`;

const TABLES = `
table { border-collapse: collapse; width: 100%; font-size: 14px; line-height: 1.45; }
th, td { padding: 5px 14px 5px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
tr:last-child th, tr:last-child td { border-bottom-color: transparent; }
thead th { font-size: 13px; font-weight: 500; color: var(--muted); vertical-align: bottom; white-space: nowrap; }
tbody th { font-weight: 400; white-space: nowrap; }
tbody th.free { white-space: normal; min-width: 11em; }
td.value { min-width: 9em; }
td.word { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.interval { font-size: 12px; color: var(--muted); white-space: nowrap; }
.number .interval { display: block; line-height: 1.2; }
.difference { min-width: 8.5em; }
.figures-rows th, .figures-rows td { border-bottom: 0; padding-top: 3px; padding-bottom: 3px; }
.figures-rows tr:first-child > *, .figures-rows .group > * { padding-top: 8px; }
.figures-rows .group > * { border-top: 1px solid var(--line); }
.figures-rows .end > * { padding-bottom: 8px; }`;

const NARROW = `
@media (max-width: 760px) {
  header { padding-top: 18px; }
  .verdict.large { margin-top: 14px; }
  section { margin-top: 36px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .figures div { padding: 10px 12px; }
  .figures div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .figures dd { font-size: 18px; }
  .rules li, .pair { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 520px) {
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dd { margin-bottom: 8px; }
  table { font-size: 13px; }
  th, td { padding-right: 8px; }
  .figures-rows th { font-size: 12.5px; }
  .figures-rows .interval { font-size: 11px; white-space: normal; }
  .figures-rows .number .interval { max-width: 5.6em; margin-left: auto; }
  .difference { min-width: 5.6em; }
}`;

/** On paper nothing scrolls and nothing is folded. */
const PRINT = `
@page { size: A4; margin: 14mm 13mm; }
@media print {
  body { font-size: 10.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .wrap { max-width: none; padding: 0; }
  header { padding-top: 0; }
  a { color: inherit; text-decoration: none; }
  .figures { grid-template-columns: repeat(5, 1fr); }
  .figures dd { font-size: 15px; }
  tr, .rules li, figure, .figures { break-inside: avoid; }
  h2, h3, .task-head, thead { break-after: avoid; }
  pre { max-height: none; overflow: visible; }
  .scroll { overflow: visible; background: none; }
  details::details-content { content-visibility: visible; height: auto; }
}`;

/** The page's whole style. No attribute carries style, so that the content security policy can name this text's hash. */
export const STYLE = `${COLORS}${TEXT}${LAYOUT}${SCROLLERS}${TABLES}${CHART_STYLE}${NARROW}${PRINT}\n`;
