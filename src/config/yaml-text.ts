import { LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { ConfigProblem } from '../domain/errors.ts';

/** Larger than any real file, small enough to read at once. */
const MAX_CHARACTERS = 262_144;
/** Brackets within brackets, or dashes on one line. The parser recurses: a very deep text can end the process. */
const MAX_NESTING = 32;
const MAX_ALIASES = 20;

type Problem = Omit<ConfigProblem, 'path'>;

/**
 * Own sentences: the parser's messages quote the text around the mistake, and that may be a password.
 * @see https://eemeli.org/yaml/#errors
 */
const SYNTAX: Partial<Record<YAMLError['code'], Problem>> = {
  DUPLICATE_KEY: { given: 'a key for the second time', allowed: 'each key once' },
  NON_STRING_KEY: { given: 'a key that is not a word', allowed: 'plain words as keys' },
  TAB_AS_INDENT: { given: 'a tab as indentation', allowed: 'spaces' },
  MULTIPLE_DOCS: { given: 'a second document (---)', allowed: 'one document' },
  TAG_RESOLVE_FAILED: { given: 'a tag (!)', allowed: 'values without tags' },
  MISSING_CHAR: { given: 'a quote, bracket or separator that is missing', allowed: 'every pair closed' },
  BAD_INDENT: {
    given: 'an indentation that does not fit',
    allowed: 'the same indentation for all keys of a mapping',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    given: 'a second ": " on one line',
    allowed: 'one key and value per line; quotes around text with ": "',
  },
  BAD_SCALAR_START: { given: 'text that starts with %, @ or a backquote', allowed: 'such text in quotes' },
  BAD_ALIAS: { given: 'an alias (*) that cannot be read', allowed: 'the name of an anchor (&) above it' },
  RESOURCE_EXHAUSTION: { given: 'too deep a nesting', allowed: `at most ${MAX_NESTING} levels` },
};
const OTHER_SYNTAX: Problem = { given: 'text that is not YAML here', allowed: 'YAML 1.2' };

export type YamlReading =
  | { readonly value: unknown; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[] };

/** Reads one YAML document into plain values. Never throws; each problem's path is its line and column. */
export function readYaml(text: string): YamlReading {
  if (text.length > MAX_CHARACTERS) {
    return problem('file', `${text.length} characters`, `at most ${MAX_CHARACTERS}`);
  }
  const deep = tooDeepAt(text);
  if (deep) return problem(deep, 'too deep a nesting', `at most ${MAX_NESTING} levels`);
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    schema: 'core',
    stringKeys: true,
    prettyErrors: false,
    lineCounter,
  });
  const mistakes = [...document.errors, ...document.warnings].map((error) => {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    return { path: `line ${line}, column ${col}`, ...(SYNTAX[error.code] ?? OTHER_SYNTAX) };
  });
  if (mistakes.length > 0) return { problems: mistakes };
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch {
    return problem(
      'aliases (*)',
      'too many, or without an anchor',
      `at most ${MAX_ALIASES}, each after its anchor (&)`,
    );
  }
}

function problem(path: string, given: string, allowed: string): YamlReading {
  return { problems: [{ path, given, allowed }] };
}

/** Counts brackets without knowing of quotes and comments: what closes again does not add up. */
function tooDeepAt(text: string): string | null {
  for (const [index, line] of text.split('\n').entries()) {
    const dashes = /^(\s*[-?:](?=\s))+/.exec(line)?.[0] ?? '';
    if (dashes.replace(/\s/g, '').length > MAX_NESTING) return `line ${index + 1}`;
  }
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === '[' || sign === '{') depth++;
    else if ((sign === ']' || sign === '}') && depth > 0) depth--;
    if (depth > MAX_NESTING) return `line ${text.slice(0, at).split('\n').length}`;
  }
  return null;
}
