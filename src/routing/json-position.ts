/** Where a text stops being JSON. */
export interface JsonSyntaxError {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count. */
  readonly column: number;
  /** What stands there, or `end of file`. */
  readonly found: string;
  readonly expected: string;
}

const TOKEN =
  /[{}[\],:]|"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;
const SPACE = /[ \t\n\r]*/y;
const WORD = /[^\s{}[\],:]{1,20}|./suy;

type State = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or ]' | ', or }' | 'end of file';

const EXPECTED: Readonly<Record<State, string>> = {
  value: 'a value',
  'value or ]': 'a value or "]"',
  key: 'a key in double quotes',
  'key or }': 'a key in double quotes or "}"',
  ':': '":"',
  ', or ]': '"," or "]"',
  ', or }': '"," or "}"',
  'end of file': 'the end of the file',
};

/**
 * Finds the first place where a text is not JSON. `JSON.parse` says that it is not, but on Node 20 often not where.
 *
 * @returns null for a text that is JSON
 */
export function findJsonSyntaxError(text: string): JsonSyntaxError | null {
  const open: ('{' | '[')[] = [];
  let state: State = 'value';
  let at = 0;
  const afterValue = (): State =>
    open.length === 0 ? 'end of file' : open.at(-1) === '{' ? ', or }' : ', or ]';
  for (;;) {
    at += match(SPACE, text, at).length;
    if (at === text.length) return state === 'end of file' ? null : describe(text, at, state);
    const token = match(TOKEN, text, at);
    const next = step(state, token, open, afterValue);
    if (next === null) return describe(text, at, state);
    state = next;
    at += token.length;
  }
}

function step(state: State, token: string, open: ('{' | '[')[], afterValue: () => State): State | null {
  const close = (): State => {
    open.pop();
    return afterValue();
  };
  switch (state) {
    case 'value':
    case 'value or ]':
      if (token === ']') return state === 'value or ]' ? close() : null;
      if (token === '{' || token === '[') {
        open.push(token);
        return token === '{' ? 'key or }' : 'value or ]';
      }
      return token === '' || '},:'.includes(token) ? null : afterValue();
    case 'key':
    case 'key or }':
      if (token === '}') return state === 'key or }' ? close() : null;
      return token.startsWith('"') ? ':' : null;
    case ':':
      return token === ':' ? 'value' : null;
    case ', or ]':
      return token === ',' ? 'value' : token === ']' ? close() : null;
    case ', or }':
      return token === ',' ? 'key' : token === '}' ? close() : null;
    case 'end of file':
      return null;
  }
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function describe(text: string, at: number, state: State): JsonSyntaxError {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return {
    line: before.split('\n').length,
    column: at - lineStart + 1,
    found: at === text.length ? 'end of file' : match(WORD, text, at),
    expected: EXPECTED[state],
  };
}
