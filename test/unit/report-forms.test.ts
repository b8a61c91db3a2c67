import { readdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import stringWidth from 'string-width';
import { REPORT_FORMATS, type ReportFormat, type RoutedPart } from '../../src/domain/report.ts';
import { parityFacts } from '../../src/report/comparison-rows.ts';
import { renderReport } from '../../src/report/render.ts';
import { EXAMPLES, emptyReport, failedReport, successfulReport } from '../support/comparison-report.ts';
import { expectGolden } from '../support/golden.ts';

const ENDINGS: Readonly<Record<ReportFormat, string>> = {
  terminal: 'txt',
  html: 'html',
  md: 'md',
  json: 'json',
  junit: 'xml',
};

describe('the forms of the report', () => {
  const all = Object.keys(EXAMPLES).flatMap((name) =>
    REPORT_FORMATS.map((format) => [name, format, `${name}.${ENDINGS[format]}`] as const),
  );

  // UPDATE_GOLDEN=1 npm test -- test/unit/report-forms.test.ts writes them anew.
  it.each(all)('%s as %s is as it was read and approved', (name, format, file) => {
    const report = EXAMPLES[name];
    if (report === undefined) throw new Error(`no example ${name}`);
    expectGolden(`report/${file}`, renderReport(report(), format));
  });

  it('have no golden file left over', () => {
    expect(readdirSync('test/golden/report').sort()).toEqual(all.map(([, , file]) => file).sort());
  });
});

describe('the terminal form', () => {
  it.each([
    ['successful', successfulReport, 'verdict: successful · generate-metadata: canary fails 0.13 %'],
    ['failed', failedReport, 'verdict: failed · import.a-very-long-part'],
    ['empty', emptyReport, 'verdict: inconclusive · nothing has run in this window\n'],
  ])('of the %s report begins with the verdict and its cause', (_, report, start) => {
    expect(renderReport(report(), 'terminal').startsWith(start)).toBe(true);
  });

  it.each([60, 80, 110])('fits %i columns, commands apart', (columns) => {
    const text = renderReport(failedReport(), 'terminal', { columns });
    const [body = '', commands = ''] = text.split('\nNext\n');
    expect(body.split('\n').filter((line) => stringWidth(line) > columns)).toEqual([]);
    expect(commands).toMatch(/^ {2}what differs +hybrid parity mismatches --task import\.\S+\n/);
  });

  it('takes a width that makes no sense for the nearest one that does', () => {
    const at = (columns: number) => renderReport(failedReport(), 'terminal', { columns });
    expect(at(0)).toBe(at(60));
    expect(at(Number.NaN)).toBe(at(80));
    expect(at(500)).toBe(at(110));
  });

  it('is the same in colour', () => {
    const coloured = renderReport(failedReport(), 'terminal', { colors: true });
    expect(coloured).toContain('\u001b[31mfailed');
    expect(stripVTControlCharacters(coloured)).toBe(renderReport(failedReport(), 'terminal'));
  });

  it.each([
    ['successful', successfulReport, 'lift the freeze', 'hybrid resume --reason'],
    ['failed', failedReport, 'bring unfinished work back', 'hybrid rollback'],
  ])('of the %s report names no command that a freeze refuses', (_, report, text, command) => {
    const [, commands] = renderReport({ ...report(), frozenSince: 1 }, 'terminal').split('\nNext\n');
    expect(commands).toMatch(new RegExp(`^ {2}${text} +${command}`, 'm'));
    expect(commands).not.toContain('hybrid ratio');
  });

  it('says what is missing', () => {
    const text = renderReport(failedReport(), 'terminal');
    expect(text).toContain('canary: too little data: 12 of 100');
    expect(text).toContain('not timed');
    expect(text).toContain('not judged, canary has run nothing of it that can be compared: send-mail');
    expect(text).toContain('newest figures 1 min 35 s old');
  });
});

describe('the HTML form', () => {
  it('says when, not how long ago: it is read later', () => {
    const html = renderReport(failedReport(), 'html');
    const fresh = '<time datetime="2026-11-21T15:02:37Z">2026-11-21T15:02:37Z</time>';
    expect(html).toContain(`<dt>Freshness</dt><dd>newest figures of ${fresh}</dd>`);
    expect(html).toContain('<p><time datetime="2026-11-21T15:01:12Z">2026-11-21T15:01:12Z</time>, shadow');
    expect(html).not.toMatch(/\bago\b|\d (s|min|h|days?) old|just now/);
  });
});

describe('the share of canary', () => {
  const tile = (routed: Partial<RoutedPart>) => {
    const report = successfulReport();
    const total = { ...report.total, routed: { ...report.total.routed, ...routed } };
    return /<dt>On canary<\/dt><dd>.*?<\/dd>/.exec(renderReport({ ...report, total }, 'html'))?.[0];
  };

  it('is aimed at nothing where no submission was drawn by itself, whatever the ratio', () => {
    expect(tile({ targetShare: 0.05 })).toContain('aimed at 5 %');
    expect(tile({ targetShare: null })).toContain('none was drawn by itself, so no share is expected');
    expect(tile({ targetShare: null, canaryShare: null })).toContain('ratio or flag sent nothing');
  });
});

describe('copies without a pair', () => {
  it('are not called unsampled', () => {
    const { total, gates } = successfulReport();
    const noise = { pairs: 0, mismatched: 0, rate: null };
    const parity = { ...total.parity, pairs: 0, unjudged: 0, dropped: 0, noise };
    expect(parityFacts({ ...total, parity }, gates)).toEqual([
      ['pairs', 'none compared of 1,204 copies so far'],
    ]);
  });
});

describe('every form', () => {
  it.each(REPORT_FORMATS)('%s has the notes', (format) => {
    const notes = ['Something first.', 'Something second.'];
    const text = renderReport({ ...emptyReport(), notes }, format, { columns: 110 });
    for (const note of notes) expect(text).toContain(note);
  });
});

describe('the JSON form', () => {
  it('is the report, with its format and version', () => {
    const report = failedReport();
    expect(JSON.parse(renderReport(report, 'json'))).toEqual({
      format: 'hybrid-comparison-report',
      version: 1,
      ...report,
    });
  });

  it('does not depend on the order in which the report was put together', () => {
    const report = failedReport();
    const { low, high, estimate } = report.tasks[0]?.parity.rate ?? { low: 0, high: 0, estimate: 0 };
    const again = failedReport();
    const [first, ...others] = again.tasks;
    if (first === undefined) throw new Error('no task');
    const turned = { ...first, parity: { ...first.parity, rate: { high, low, estimate } } };
    expect(renderReport({ ...again, tasks: [turned, ...others] }, 'json')).toBe(renderReport(report, 'json'));
  });
});
