import type { Difference, Mismatch } from '../domain/parity.ts';
import type { ComparisonReport } from '../domain/report.ts';
import { KIND_WORDS, plural } from '../domain/wording.ts';
import { code, place, scrollable, time, value } from './html-parts.ts';
import { jsonLayout } from './json-layout.ts';
import { lines, type Markup, markup, NOTHING } from './markup.ts';
import { PAIR_WORDS, sidesOf } from './wording.ts';

/** The newest mismatches with their differences; the whole results are folded. */
export function mismatchSection({ mismatches }: ComparisonReport): Markup {
  if (mismatches.length === 0) return NOTHING;
  return markup`
<section aria-labelledby="mismatches"><h2 id="mismatches">The newest ${plural(mismatches.length, 'mismatch', 'mismatches')}</h2>
${mismatches.map(mismatchItem)}</section>`;
}

function mismatchItem(mismatch: Mismatch): Markup {
  const { task, pair, kind, primary, copy, note, differences } = mismatch;
  const word = KIND_WORDS[kind];
  return markup`
<article class="mismatch"><h3><bdi>${task}</bdi>: ${word}</h3>
<p>${time(mismatch.at)}, ${PAIR_WORDS[pair]}, ${code(primary)} and ${code(copy)}</p>
${note === null ? NOTHING : markup`<p class="note">${note}</p>`}
${differenceTable(differences, mismatch)}
${wholeResults(mismatch)}</article>`;
}

function differenceTable(differences: readonly Difference[], { pair, task }: Mismatch): Markup {
  if (differences.length === 0) return NOTHING;
  const [one, other] = sidesOf(pair);
  const rows = differences.map(
    (difference) =>
      markup`<tr><th scope="row" class="free">${place(difference)}</th><td class="word">${difference.change}</td><td class="value">${value(difference.stable)}</td><td class="value">${value(difference.canary)}</td></tr>
`,
  );
  return scrollable(
    `Differences of a pair of ${task}`,
    markup`<table><thead><tr><th scope="col">place in the result</th><th scope="col">change</th><th scope="col">${one}</th><th scope="col">${other}</th></tr></thead><tbody>${rows}</tbody></table>`,
  );
}

function wholeResults({ stable, canary, pair }: Mismatch): Markup {
  if (stable === null && canary === null) return NOTHING;
  const [one, other] = sidesOf(pair);
  const side = (name: string, text: string | null) =>
    markup`<div><p>${name}</p>${text === null ? markup`<p>no result</p>` : markup`<pre dir="auto">${lines(jsonLayout(text))}</pre>`}</div>`;
  return markup`<details><summary>Whole results</summary><div class="sides">${side(one, stable)}${side(other, canary)}</div></details>`;
}
