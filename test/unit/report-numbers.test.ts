import { describe, expect, it } from '@jest/globals';
import { duration, milliseconds, percent, timestamp } from '../../src/domain/wording.ts';
import { jsonLayout } from '../../src/report/json-layout.ts';
import { ago, factor, points } from '../../src/report/numbers.ts';
import { cut, visible } from '../../src/report/plain-text.ts';

describe('numbers of the report', () => {
  it.each([
    [0, '0 %'],
    [1, '100 %'],
    [0.0083, '0.83 %'],
    [0.05, '5 %'],
    [0.1234, '12.3 %'],
    [0.00031, '0.031 %'],
    [0.000001, '<0.001 %'],
    [0.99999, '>99.9 %'],
    [Number.NaN, 'unknown %'],
  ])('the share %p is %p', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it.each([
    [0.0083, '+0.83 points'],
    [-0.0012, '−0.12 points'],
    [0.01, '+1 point'],
    [0, '0 points'],
    [-0.2, '−20 points'],
  ])('the difference %p is %p', (difference, text) => {
    expect(points(difference)).toBe(text);
  });

  it.each([
    [0, '0 ms'],
    [0.004, '<0.01 ms'],
    [0.42, '0.42 ms'],
    [12.44, '12.4 ms'],
    [999.6, '1 s'],
    [1_240, '1.24 s'],
    [59_960, '1 min'],
    [64_000, '1 min 4 s'],
    [3_600_000, '1 h'],
    [Number.POSITIVE_INFINITY, '∞'],
  ])('%p ms are %p', (ms, text) => {
    expect(milliseconds(ms)).toBe(text);
  });

  it.each([
    [0, '0 ms'],
    [2_000, '2 s'],
    [90_000, '1 min 30 s'],
    [5_400_000, '1 h 30 min'],
    [86_400_000, '24 h'],
    [2_592_000_000, '30 days'],
    [-5, '0 ms'],
  ])('a span of %p ms is %p', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [500, 'just now'],
    [-9_000, 'just now'],
    [1_000, '1 second ago'],
    [180_000, '3 minutes ago'],
    [3_600_000, '1 hour ago'],
    [172_800_000, '2 days ago'],
  ])('%p ms before is %p', (ms, text) => {
    expect(ago(1_000_000_000 - ms, 1_000_000_000)).toBe(text);
  });

  it('are ratios and times as people write them', () => {
    expect([1, 1.084, 12.34, 2_500].map(factor)).toEqual(['1×', '1.08×', '12.3×', '2,500×']);
    expect(timestamp(Date.UTC(2026, 10, 1, 10))).toBe('2026-11-01T10:00:00Z');
    expect(timestamp(Number.NaN)).toBe('unknown time');
  });
});

describe('texts of the report', () => {
  it('show what would not be seen', () => {
    const half = String.fromCharCode(0xd800);
    expect(visible(`a\u001b[2Jb\nc\t\u202e${half}\u{1ffff}\u200b数据 é`)).toBe(
      'a\\u001b[2Jb\\nc\\t\\u202e\\ud800\\u{1ffff}\\u200b数据 é',
    );
  });

  it('are cut between characters, and say so', () => {
    expect(cut('数据库😀迁移', 4)).toBe('数据库😀 … (2 more characters)');
    expect(cut('short', 5)).toBe('short');
  });

  it('are JSON over several lines without a value touched', () => {
    const text = '{"a":[1,2.50,{}],"big":12345678901234567890,"text":"{\\"x\\": [1, 2]}","none":[]}';
    const laidOut = jsonLayout(text);
    expect(laidOut).toBe(
      [
        '{',
        '  "a": [',
        '    1,',
        '    2.50,',
        '    {}',
        '  ],',
        '  "big": 12345678901234567890,',
        '  "text": "{\\"x\\": [1, 2]}",',
        '  "none": []',
        '}',
      ].join('\n'),
    );
  });

  it('are laid out as far as they go when they were cut', () => {
    expect(jsonLayout('{"a":["x","unfin')).toBe('{\n  "a": [\n    "x",\n    "unfin');
    expect(jsonLayout('')).toBe('');
  });
});
