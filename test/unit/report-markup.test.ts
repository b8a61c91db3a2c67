import { describe, expect, it } from '@jest/globals';
import { parseDocument } from 'htmlparser2';
import { marked } from 'marked';
import { SaxesParser } from 'saxes';
import type { ComparisonReport } from '../../src/domain/report.ts';
import { renderReport } from '../../src/report/render.ts';
import { EXAMPLES, failedReport } from '../support/comparison-report.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Pieces that mean something to a terminal, to HTML, XML, Markdown or a shell. */
const NASTY = [
  '<script>alert(1)</script>',
  '</style><img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  '</title></summary></details>',
  ']]>',
  '&lt;&#0;',
  '<!--',
  '`',
  '```\n# heading\n',
  '~~~',
  '| a | b |',
  '\n\n- list\n\n',
  '[link](javascript:alert(1))',
  '![image](https://example.org/x.png)',
  'https://example.org',
  '@everyone #1',
  '**bold** _it_ ~~gone~~',
  '\u001b[2J\u001b]0;title\u0007',
  '\r',
  '\u0000',
  '\u202eleft',
  String.fromCharCode(0xd800),
  '\uffff',
  '\u2028',
  '数据库',
  "'; rm -rf /",
  '  ',
  '\\',
  '$(id)',
];

/** The report with every text of a user spoilt. */
function spoilt(seed: number): ComparisonReport {
  const random = seededRandom(seed);
  const piece = () => NASTY[Math.floor(random() * NASTY.length)] ?? '';
  const nasty = () => Array.from({ length: 1 + Math.floor(random() * 4) }, piece).join('');
  const KEEP = new Set(['rule', 'verdict', 'unit', 'kind', 'pair', 'change', 'backend', 'arm']);
  const names = new Map<string, string>();
  const spoil = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') {
      // The empty path is the whole result, which is shown as words.
      if (KEEP.has(key) || value === '') return value;
      if (key !== 'task') return nasty();
      const name = names.get(value) ?? nasty();
      names.set(value, name);
      return name;
    }
    if (Array.isArray(value)) return value.map((inner) => spoil(inner, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, spoil(inner, name)]));
  };
  return spoil(failedReport(), '') as ComparisonReport;
}

interface Element {
  readonly name: string;
  readonly attribs: Readonly<Record<string, string>>;
}

function elementsOf(html: string): readonly Element[] {
  const found: Element[] = [];
  const walk = (nodes: readonly unknown[]) => {
    for (const node of nodes as readonly (Partial<Element> & { children?: readonly unknown[] })[]) {
      if (node.name !== undefined && node.attribs !== undefined)
        found.push({ name: node.name, attribs: node.attribs });
      walk(node.children ?? []);
    }
  };
  walk(parseDocument(html).children);
  return found;
}

/** @throws where the text is no well-formed XML */
function parseXml(text: string): readonly Element[] {
  const parser = new SaxesParser();
  const found: Element[] = [];
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => found.push({ name, attribs: attributes }));
  parser.write(text).close();
  return found;
}

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);

describe('texts of users', () => {
  it.each(SEEDS)('mean nothing in any form (seed %i)', (seed) => {
    const [plain, report] = [failedReport(), spoilt(seed)];
    const kinds = (elements: readonly Element[]) => elements.map(({ name }) => name);
    const html = elementsOf(renderReport(report, 'html'));
    const cleanHtml = elementsOf(renderReport(plain, 'html'));
    expect(kinds(html)).toEqual(kinds(cleanHtml));
    expect(html.flatMap(({ attribs }) => Object.keys(attribs))).toEqual(
      cleanHtml.flatMap(({ attribs }) => Object.keys(attribs)),
    );
    const junit = parseXml(renderReport(report, 'junit'));
    expect(kinds(junit)).toEqual(kinds(parseXml(renderReport(plain, 'junit'))));
    const md = (of: ComparisonReport) =>
      kinds(elementsOf(marked.parse(renderReport(of, 'md'), { async: false, gfm: true }))).filter(
        (name) => name !== 'pre',
      );
    expect(new Set(md(report))).toEqual(new Set(md(plain)));
    expect(JSON.parse(renderReport(report, 'json'))).toMatchObject({
      notes: report.notes.map((note) => note),
    });
    const terminal = renderReport(report, 'terminal');
    expect(terminal.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u202e]/u);
  });
});

describe.each(Object.keys(EXAMPLES))('the %s report', (name) => {
  const report = EXAMPLES[name]?.();
  if (report === undefined) throw new Error(`no example ${name}`);

  it('is one HTML file that loads nothing', () => {
    const html = renderReport(report, 'html');
    const elements = elementsOf(html);
    for (const gone of ['script', 'link', 'img', 'iframe', 'object'])
      expect(elements.filter((element) => element.name === gone)).toEqual([]);
    for (const { attribs } of elements) {
      expect(attribs).not.toHaveProperty('style');
      expect(attribs.href ?? '#').toMatch(/^#/);
    }
    expect(html).not.toMatch(/url\((?!#)|@import/);
  });

  it('has HTML whose ids are unique, whose references lead somewhere, and one first heading', () => {
    const elements = elementsOf(renderReport(report, 'html'));
    const ids = elements.flatMap(({ attribs }) => (attribs.id === undefined ? [] : [attribs.id]));
    expect(new Set(ids).size).toBe(ids.length);
    for (const { attribs } of elements) {
      const references = [attribs['aria-labelledby'], attribs['aria-describedby'], attribs.href?.slice(1)];
      for (const reference of references) if (reference !== undefined) expect(ids).toContain(reference);
    }
    const levels = elements.flatMap(({ name: tag }) => (/^h[1-6]$/.test(tag) ? [Number(tag[1])] : []));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    expect(levels[0]).toBe(1);
    // No level is left out.
    expect(levels.every((level, i) => i === 0 || level <= (levels[i - 1] ?? 0) + 1)).toBe(true);
  });

  it('has JUnit numbers that add up', () => {
    const elements = parseXml(renderReport(report, 'junit'));
    const all = (tag: string) => elements.filter((element) => element.name === tag);
    const [root] = all('testsuites');
    const sum = (attribute: string) =>
      all('testsuite').reduce((n, { attribs }) => n + Number(attribs[attribute]), 0);
    for (const [attribute, tag] of [
      ['tests', 'testcase'],
      ['failures', 'failure'],
      ['skipped', 'skipped'],
    ] as const) {
      expect(Number(root?.attribs[attribute])).toBe(all(tag).length);
      expect(sum(attribute)).toBe(all(tag).length);
    }
    expect(all('testcase').length).toBeGreaterThan(0);
  });
});

describe('the Markdown form', () => {
  it('has rows as wide as their heads', () => {
    const html = marked.parse(renderReport(failedReport(), 'md'), { async: false });
    const rows = html.split('<tr>').slice(1);
    for (const row of rows) expect(row).toMatch(/<\/t[hd]>/);
    expect(html).toContain('&#34;&lt;b&gt;Totals'.replace('&#34;', '&quot;'));
    expect(html).not.toMatch(/<script|<b>/);
  });

  it('stays within what a comment may hold', () => {
    const report = failedReport();
    const [mismatch] = report.mismatches;
    const [task] = report.tasks;
    if (mismatch === undefined || task === undefined) throw new Error('nothing to repeat');
    const side = JSON.stringify('`'.repeat(4_000));
    const many = {
      ...report,
      tasks: Array.from({ length: 30 }, (_, i) => ({ ...task, task: `task-${i}` })),
      mismatches: Array.from({ length: 200 }, () => ({ ...mismatch, stable: side, canary: side })),
    };
    const text = renderReport(many, 'md');
    expect(text.length).toBeLessThan(65_536);
    expect(text).toMatch(/\d+ parts left out for length/);
    // What decides comes first and is whole.
    expect(text.match(/^\| <code>task-\d+<\/code> \|/gm)).toHaveLength(30 * task.lines.length);
  });
});
