import { describe, expect, it } from '@jest/globals';
import {
  analyse,
  describeChunk,
  mergeKeywords,
  prepare,
} from '../../../examples/document-metadata/metadata.ts';
import { readDocuments } from '../../../examples/document-metadata/reading.ts';
import { rank } from '../../../examples/document-metadata/text-rank.ts';
import { languageOf, sentencesOf } from '../../../examples/document-metadata/words.ts';

const english =
  'Redis stores the waiting jobs of a queue. A worker takes a job from the queue and runs its handler. ' +
  'When the worker dies, the queue gives the job to another worker. Lunch is at noon. ' +
  'A stalled job returns to the queue, so the worker must expect a second run of the same job.';
const chinese =
  '任务队列保存等待的任务。工作进程从任务队列取出任务并运行处理函数。工作进程退出之后，任务队列把任务交给另一个工作进程。午饭在十二点。' +
  '停滞的任务会回到任务队列，所以工作进程必须能够再次运行同一个任务。';

async function sample(name: string): Promise<string> {
  const folder = new URL('../../../examples/document-metadata/samples/', import.meta.url).pathname;
  for await (const document of readDocuments(folder)) if (document.documentId === name) return document.text;
  throw new Error(`no sample ${name}`);
}

describe('describeChunk', () => {
  it('summarises English with its own sentences and finds what it is about', () => {
    const metadata = describeChunk(english);
    expect(metadata).toMatchObject({ language: 'en', sentences: 5, words: 55 });
    expect(metadata.keywords.slice(0, 4)).toEqual(expect.arrayContaining(['worker', 'queue']));
    expect(metadata.keywords.length).toBeLessThanOrEqual(8);
    expect(english).toContain(metadata.summary.split('. ')[0]);
    expect(metadata.summary).not.toContain('Lunch');
  });

  it('does the same for Chinese', () => {
    const metadata = describeChunk(chinese);
    expect(metadata).toMatchObject({ language: 'zh', sentences: 5 });
    expect(metadata.keywords.slice(0, 4)).toEqual(expect.arrayContaining(['工作进程', '任务队列']));
    expect(metadata.summary.split(/(?<=。)/).every((sentence) => chinese.includes(sentence))).toBe(true);
    expect(metadata.summary).not.toContain('午饭');
  });

  it('keeps the sentences of a summary in the order of the text', async () => {
    for (const name of ['moving-day.md', 'queue-notes.zh.md', 'night-shift.html']) {
      const text = await sample(name);
      const places = describeChunk(text)
        .summary.split(/(?<=[.。:])\s*/)
        .filter(Boolean)
        .map((sentence) => text.indexOf(sentence));
      expect(places).not.toContain(-1);
      expect(places).toEqual([...places].sort((a, b) => a - b));
    }
  });

  it('gives the same answer to the same text, and another one to another text', async () => {
    const text = await sample('moving-day.md');
    expect(describeChunk(text)).toEqual(describeChunk(text));
    expect(describeChunk(text)).not.toEqual(describeChunk(text.replaceAll('queue', 'bakery')));
  });

  it('keeps code, tables, addresses and stop words out of summary and keywords', () => {
    const { summary, keywords } = describeChunk(
      `${english}\n\n    const worker = require('zebra');\n    zebra.zebra(zebra);\n\nzebra | zebra\nSee https://zebra.example/zebra.`,
    );
    expect(`${summary} ${keywords.join(' ')}`).not.toMatch(/zebra|https/);
    expect(keywords).not.toEqual(expect.arrayContaining(['the']));
  });

  it('describes what has no sentences: headings, code only, one endless word, marks only', () => {
    expect(describeChunk('Release notes').summary).toBe('Release notes');
    expect(describeChunk('    zebra(1);\n    stripes(2);')).toMatchObject({ keywords: ['stripes', 'zebra'] });
    expect(describeChunk('x'.repeat(100_000)).summary.length).toBeLessThanOrEqual(320);
    expect(describeChunk('!!! ---')).toMatchObject({ summary: '!!! ---', keywords: [], words: 0 });
  });

  it('does not tear a character when it shortens a sentence', () => {
    expect(describeChunk(`${'👨‍👩‍👧‍👦'.repeat(100)} family`).summary).toMatch(/^(?:👨‍👩‍👧‍👦)+…$/u);
  });

  it('counts inflected words as one and shows the form that is used most', () => {
    const { keywords } = describeChunk(
      'Queues grow. The queue grows when queues are slow. Many queues are growing queues.',
    );
    expect(keywords).toContain('queues');
    expect(keywords).not.toContain('queue');
  });
});

describe('analyse', () => {
  it('ranks a phrase that comes back above its parts', () => {
    const text = 'The dead letter queue is full. Empty the dead letter queue. A letter is a letter.';
    expect(analyse(prepare(text)).keywords[0]).toBe('dead letter queue');
  });
});

describe('rank', () => {
  it('ranks the middle of a star highest, its rays equal, with a mean of 1', () => {
    const ray = new Map([['hub', 1]]);
    const ranks = rank(
      new Map([
        ['a', ray],
        ['b', ray],
        ['c', ray],
        [
          'hub',
          new Map([
            ['a', 1],
            ['b', 1],
            ['c', 1],
          ]),
        ],
      ]),
    );
    // Solved by hand: hub = 0.15 + 0.85 * 3 ray, ray = 0.15 + 0.85 * hub / 3.
    expect(ranks.get('hub')).toBeCloseTo(0.5325 / 0.2775, 1);
    expect(ranks.get('a')).toBe(ranks.get('b'));
    expect([...ranks.values()].reduce((sum, value) => sum + value, 0)).toBeCloseTo(4, 6);
  });
});

describe('mergeKeywords', () => {
  it('puts first what stands high in many chunks, ties by code point, capitals aside', () => {
    expect(mergeKeywords([['queue', 'b'], ['Queue', 'a'], ['redis']])).toEqual(['queue', 'redis', 'a', 'b']);
  });
});

describe('languageOf', () => {
  it('takes technical Chinese with Latin names for Chinese, and counts code only if there is nothing else', () => {
    expect(languageOf('使用 Redis Queue 作为异步任务队列')).toBe('zh');
    expect(languageOf('配置文件\n\n    const config = loadConfigurationFromFile(path);')).toBe('zh');
    expect(languageOf('English with 一 character')).toBe('en');
    expect(languageOf('123')).toBe('en');
  });
});

describe('sentencesOf', () => {
  it('does not end a sentence at an abbreviation', () => {
    expect(
      sentencesOf('Use a store, e.g. Redis or another one. Then go on.', 'en').map(({ text }) => text),
    ).toEqual(['Use a store, e.g. Redis or another one.', 'Then go on.']);
  });
});
