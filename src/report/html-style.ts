import { DARK, LIGHT, properties } from './html-palette.ts';

/**
 * The page's whole style. No attribute carries style, so that the content security policy can name this text's hash.
 * Dark is for screens only: paper is light.
 */
export const STYLE = `
:root{color-scheme:light dark;${properties(LIGHT)}}
@media screen and (prefers-color-scheme:dark){:root{${properties(DARK)}}}
@media print{:root{color-scheme:light}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
.wrap{max-width:1040px;margin:0 auto;padding:0 clamp(16px,4vw,40px)}
h1,h2,h3,h4,p,dl,dd,ul,ol,figure,pre{margin:0}
h1,h2,h3,h4,p,dd,li,td,th,summary,figcaption{overflow-wrap:anywhere}
h1{font-size:clamp(20px,2.6vw,25px);line-height:1.3;font-weight:620;letter-spacing:-.012em;margin-top:14px;max-width:46em}
h2{font-size:19px;line-height:1.35;font-weight:620;letter-spacing:-.008em}
h3{font-size:14px;line-height:1.4;font-weight:620;margin-bottom:10px}
h4{font-size:14px;font-weight:600}
a{color:var(--canary);text-underline-offset:2px}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--canary);outline-offset:2px;border-radius:3px}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;font-size:.87em}
.muted,.eyebrow,figcaption,.meta dt,.figures dt,.footnote{color:var(--muted)}
.small,figcaption,.footnote{font-size:13px}
.eyebrow{display:flex;flex-wrap:wrap;justify-content:space-between;gap:2px 16px;font-size:13px}
.eyebrow b{color:var(--text);font-weight:600}
header{padding-top:28px}
.verdict{display:inline-flex;align-items:center;gap:7px;font-weight:620;white-space:nowrap}
.verdict svg{flex:none}
.verdict.large{font-size:15px;border:1px solid currentColor;border-radius:6px;padding:3px 11px 3px 8px;margin-top:22px}
.successful{color:var(--successful)}.failed{color:var(--failed)}.inconclusive{color:var(--inconclusive)}.unjudged{color:var(--muted)}
.meta{display:flex;flex-wrap:wrap;gap:6px 28px;margin-top:16px;font-size:13px}
.meta div{display:flex;gap:8px;flex-wrap:wrap}
.notes{margin-top:16px;padding:10px 14px 10px 30px;background:var(--surface);border-radius:6px;font-size:14px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));margin-top:26px;border:1px solid var(--line);border-radius:8px;overflow:hidden;gap:1px;background:var(--line)}
.figures div{padding:12px 16px;background:var(--page)}
.figures dt{font-size:13px}
.figures dd{font-size:20px;line-height:1.35;font-weight:600;letter-spacing:-.01em}
.figures div:last-child:nth-child(odd){grid-column:auto}.figures .small{display:block;font-weight:400;letter-spacing:0;color:var(--muted)}
section{margin-top:44px}
section>h2{margin-bottom:14px}
.task{margin-top:40px;padding-top:26px;border-top:1px solid var(--line)}
.task-head{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 14px;margin-bottom:14px}
.task-head h2,.task-head h3{margin:0}
.rules{list-style:none;padding:0;border:1px solid var(--line);border-radius:8px}
.rules li{display:grid;grid-template-columns:128px minmax(0,1fr) minmax(0,1fr);gap:6px 22px;padding:13px 16px;align-items:start}
.rules li+li{border-top:1px solid var(--line)}
.rules .verdict{font-size:14px}.rules h3{margin:0 0 2px}.rules .chart{margin-top:2px}
.rules p{font-size:14px}
.rules .none{font-size:13px;color:var(--muted)}
.pair{display:grid;grid-template-columns:minmax(0,6fr) minmax(0,5fr);gap:28px 36px;margin-top:28px;align-items:start}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.45}
th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{font-size:13px;font-weight:500;color:var(--muted);vertical-align:bottom;white-space:nowrap}
tbody th{font-weight:400;white-space:nowrap}
tbody th.free{white-space:normal;min-width:11em}
.number{text-align:right;white-space:nowrap}
.interval{font-size:12px;color:var(--muted);white-space:nowrap}.number .interval{display:block;line-height:1.2}.difference{min-width:8.5em}time{white-space:nowrap}
tbody.figures-rows td,tbody.figures-rows th{border-bottom:0;padding-top:3px;padding-bottom:3px}tbody.figures-rows tr:first-child th,tbody.figures-rows tr:first-child td{border-top:0;padding-top:8px}tbody.figures-rows tr.group th,tbody.figures-rows tr.group td{border-top:1px solid var(--line);padding-top:8px}tbody.figures-rows tr.end th,tbody.figures-rows tr.end td{padding-bottom:8px}
tbody tr:first-child th,tbody tr:first-child td{border-top:0}
tr:last-child th,tr:last-child td{border-bottom-color:transparent}
td code{overflow-wrap:anywhere}
td.value{min-width:9em}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 16px;font-size:14px}
.facts dt{color:var(--muted)}
.block{margin-top:28px}
figure{margin-top:28px}
.pair figure{margin-top:0}
figcaption{margin:-6px 0 12px;max-width:44em}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:13px;margin-bottom:12px;color:var(--muted)}
.legend span{display:inline-flex;align-items:center;gap:5px}
.mismatch{border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin-top:14px}
.mismatch h3{margin:0}
.mismatch>p{font-size:13px;color:var(--muted);margin-top:2px}
.mismatch>.note{color:var(--text);font-size:14px;margin-top:8px}
.mismatch .scroll{margin-top:10px}
details{margin-top:10px;font-size:14px}
summary{cursor:pointer;color:var(--muted);width:fit-content}
.sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:12px;margin-top:10px}
.sides p{font-size:13px;color:var(--muted);margin-bottom:4px}
pre{background:var(--surface);border-radius:6px;padding:10px 12px;white-space:pre-wrap;overflow-wrap:anywhere;max-height:26em;overflow-y:auto;line-height:1.45;font-size:12.5px}
.steps{margin-top:12px;font-size:14px;list-style:none;padding:0;display:grid;gap:4px}
.steps code{background:var(--surface);border-radius:4px;padding:2px 6px;overflow-wrap:anywhere}
footer h2{margin-bottom:10px}footer{margin:52px 0 40px;padding-top:22px;border-top:1px solid var(--line)}
.footnote{margin-top:14px;max-width:64em}
svg.chart{display:block;overflow:visible}
svg.mark{vertical-align:-1px}svg .anchor{overflow:visible}
svg text{fill:var(--muted);font-size:12px}
svg text.group{fill:var(--text);font-size:13px;font-weight:600}
svg text.limit-label{fill:var(--text)}
.axis{stroke:var(--muted);stroke-width:1}
.grid{stroke:var(--line);stroke-width:1}
.neutral{stroke:var(--muted);stroke-width:1;stroke-dasharray:2 3}
.limit{stroke:var(--text);stroke-width:1.5}
.beyond{fill:var(--surface)}.stripe{fill:var(--line)}
.seen,.seen-end{stroke:currentColor;stroke-width:3}.seen-end{stroke-width:2}
.estimate{fill:currentColor;stroke:var(--page);stroke-width:1.5}
svg .stable{fill:var(--stable);stroke:var(--stable);stroke-width:1.6}
svg .canary{fill:var(--canary);stroke:var(--canary);stroke-width:1.6}
svg .hollow{fill:var(--page)}
.range{stroke-width:2}.stable-line{stroke:var(--stable)}.canary-line{stroke:var(--canary)}
.stable-bar{fill:var(--stable)}.canary-bar{fill:var(--canary)}.failed-bar{fill:var(--failed)}
@media(max-width:760px){.figures div:last-child:nth-child(odd){grid-column:1/-1}.rules li{grid-template-columns:minmax(0,1fr);gap:6px;padding:14px}.pair{grid-template-columns:minmax(0,1fr)}.figures{grid-template-columns:1fr 1fr}.figures div{padding:10px 12px}.figures dd{font-size:18px}header{padding-top:18px}.verdict.large{margin-top:14px}section{margin-top:36px}}
@media(max-width:520px){.facts{grid-template-columns:minmax(0,1fr);gap:0}.facts dd{margin-bottom:8px}table{font-size:13px}th,td{padding-right:8px}.figures-rows th{white-space:normal;min-width:5.6em}.figures-rows .interval{font-size:11px;white-space:normal}.figures-rows .number .interval{max-width:5.6em;margin-left:auto}.difference{min-width:6.2em}.meta div{gap:0 8px}}
@page{size:A4;margin:14mm 13mm}
@media print{body{font-size:10.5pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}.wrap{max-width:none;padding:0}header{padding-top:0}a{color:inherit;text-decoration:none}tr,.rules li,figure,.mismatch>.scroll,.figures{break-inside:avoid}h2,h3,h4,.task-head,thead,figcaption{break-after:avoid}pre{max-height:none;overflow:visible}details::details-content{content-visibility:visible;height:auto}.scroll{overflow:visible}.figures{grid-template-columns:repeat(5,1fr)}.figures dd{font-size:15px}}
`;
