import { describe, expect, it } from '@jest/globals';
import { htmlToText, markdownToText, plainText } from '../../../examples/document-metadata/plain-text.ts';

describe('markdownToText', () => {
  it('keeps the words and drops images, badges, link addresses and the marks of code fences', () => {
    const { title, text } = markdownToText(
      '# A *title*\n\n[![ci](https://x.example/b.svg)](https://x.example)\n\nSee [the guide](https://x.example/g) and `run()`.\n\n```sh\nnpm ci\n```\n',
    );
    expect(title).toBe('A title');
    expect(text).toBe('A title\n\nSee the guide and run().\n\n    npm ci');
  });

  it('drops front matter and the marks of coloured boxes', () => {
    expect(markdownToText('---\ntags: [a, b]\n---\n\n> [!NOTE]\n> Mind the step.\n').text).toBe(
      'Mind the step.',
    );
  });

  it('joins wrapped lines, Chinese ones without a space', () => {
    expect(markdownToText('one\ntwo\n\n队列，\n任务').text).toBe('one two\n\n队列，任务');
  });

  it('writes list entries and table rows on lines of their own', () => {
    expect(markdownToText('- a\n- b\n\n| h | i |\n|---|---|\n| 1 | 2 |\n').text).toBe(
      '- a\n- b\n\nh | i\n1 | 2',
    );
  });
});

describe('htmlToText', () => {
  it('reads no scripts, styles or navigation, and decodes entities', () => {
    const { title, text } = htmlToText(
      '<head><title>T &amp; U</title><style>p{}</style></head><nav>Home</nav><script>let a="<p>no</p>";</script><p>caf&eacute; &lt;b&gt;</p>',
    );
    expect(title).toBe('T & U');
    expect(text).toBe('café <b>');
  });

  it('puts nested entries below their own', () => {
    expect(
      htmlToText('<p>x</p><ul><li>a<ul><li>b</li><li>c</li></ul></li><li>d</li></ul><p>y<br>z').text,
    ).toBe('x\n\n- a\n- b\n- c\n- d\n\ny\nz');
  });

  it('keeps the marker of a loose list entry and forgets that of an empty one', () => {
    expect(htmlToText('<ul><li><p>one</p></li><li></li></ul><p>after</p>').text).toBe('- one\n\nafter');
  });

  it('indents code and keeps its line breaks', () => {
    expect(htmlToText('<p>x</p><pre>if a:\n  b</pre>').text).toBe('x\n\n    if a:\n      b');
  });

  it('refuses tags nested too deep, at once', () => {
    expect(() => htmlToText('<div>'.repeat(200_000))).toThrow(RangeError);
  });
});

describe('plainText', () => {
  it('joins lines that were wrapped and leaves short ones, lists and code alone', () => {
    const wrapped = 'This line is long enough to have been wrapped by an editor\nand goes on here.';
    expect(plainText(`${wrapped}\n\nroses\nviolets\n\n- a\n- b\n\n    code\n    more`).text).toBe(
      `${wrapped.replace('\n', ' ')}\n\nroses\nviolets\n\n- a\n- b\n\n    code\n    more`,
    );
  });

  it('drops control characters and makes all line ends the same', () => {
    expect(plainText('\uFEFFa\u0007b\r\nc\rd   \n\n\n\ne').text).toBe('ab\nc\nd\n\ne');
  });
});
