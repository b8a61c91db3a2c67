const TOKENS = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^"{}[\],:\s]+|\s+/gs;

/**
 * JSON text over several lines. Only blanks are changed, no value is read: a number stays as it was written, and a
 * text that was cut somewhere is laid out as far as it goes.
 */
export function jsonLayout(text: string): string {
  const tokens = (text.match(TOKENS) ?? []).filter((token) => token.trim() !== '');
  let depth = 0;
  let laidOut = '';
  const newLine = () => `\n${'  '.repeat(depth)}`;
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1];
    if (token === '{' || token === '[') {
      laidOut += token;
      if (next === '}' || next === ']') continue;
      depth += 1;
      laidOut += newLine();
    } else if (token === '}' || token === ']') {
      const before = tokens[at - 1];
      if (before !== '{' && before !== '[') {
        depth = Math.max(0, depth - 1);
        laidOut += newLine();
      }
      laidOut += token;
    } else if (token === ',') {
      laidOut += `,${newLine()}`;
    } else {
      laidOut += token === ':' ? ': ' : token;
    }
  }
  return laidOut;
}
