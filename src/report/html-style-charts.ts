/** The style of the charts. Every mark takes its colour from the palette, so that charts follow light and dark too. */
export const CHART_STYLE = `
svg.chart { display: block; overflow: visible; }
svg.mark { vertical-align: -1px; }
svg .anchor { overflow: visible; }
svg text { fill: var(--muted); font-size: 12px; }
svg .group { fill: var(--text); font-size: 13px; font-weight: 600; }
svg .limit-label { fill: var(--text); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; margin-bottom: 12px; color: var(--muted); }
.legend span { display: inline-flex; align-items: center; gap: 5px; }
.axis { stroke: var(--muted); stroke-width: 1; }
.grid { stroke: var(--line); stroke-width: 1; }
.neutral { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 2 3; }
.limit { stroke: var(--text); stroke-width: 1.5; }
.beyond { fill: var(--surface); }
.stripe { fill: var(--line); }
.seen { stroke: currentColor; stroke-width: 3; }
.seen-end { stroke: currentColor; stroke-width: 2; }
.estimate { fill: currentColor; stroke: var(--page); stroke-width: 1.5; }
svg .stable { fill: var(--stable); stroke: var(--stable); stroke-width: 1.6; }
svg .canary { fill: var(--canary); stroke: var(--canary); stroke-width: 1.6; }
svg .hollow { fill: var(--page); }
.range { stroke-width: 2; }
.stable-line { stroke: var(--stable); }
.canary-line { stroke: var(--canary); }
.stable-bar { fill: var(--stable); }
.canary-bar { fill: var(--canary); }
.failed-bar { fill: var(--failed); }`;
