import { byCodePoint } from './order.ts';
import type { Sentence, Term } from './words.ts';

/** Weighted, undirected: node → neighbour → weight. */
export type Graph = ReadonlyMap<string, ReadonlyMap<string, number>>;

const DAMPING = 0.85;
const ROUNDS = 30;
/** Words that are at most this far apart are linked. */
const LINK_DISTANCE = 3;
const LONGEST_PHRASE = 3;

/**
 * PageRank of a weighted graph (Mihalcea and Tarau, "TextRank: Bringing Order into Texts", 2004, formula 2); the mean of
 * all ranks is 1 where every node has a link. A fixed number of rounds in insertion order, so that the sums are the same
 * to the last bit on every machine.
 */
export function rank(graph: Graph): Map<string, number> {
  const names = [...graph.keys()];
  const place = new Map(names.map((name, i) => [name, i]));
  const links = names.map((name) =>
    [...(graph.get(name) ?? [])].map(([other, weight]) => ({ to: place.get(other) ?? 0, weight })),
  );
  const total = links.map((row) => row.reduce((sum, link) => sum + link.weight, 0));
  let ranks = names.map(() => 1);
  for (let round = 0; round < ROUNDS; round++) {
    const next = names.map(() => 1 - DAMPING);
    for (const [from, row] of links.entries()) {
      const share = (DAMPING * (ranks[from] ?? 0)) / (total[from] || 1);
      for (const { to, weight } of row) next[to] = (next[to] ?? 0) + share * weight;
    }
    ranks = next;
  }
  return new Map(names.map((name, i) => [name, ranks[i] ?? 0]));
}

/** Terms that stand near each other in a sentence, nearer ones linked more strongly. */
export function termGraph(sentences: readonly Sentence[]): Graph {
  const graph = new Map<string, Map<string, number>>();
  for (const { terms } of sentences) {
    for (const [i, a] of terms.entries()) {
      if (!graph.has(a.key)) graph.set(a.key, new Map());
      for (let j = i + 1; j < terms.length; j++) {
        const b = terms[j] as Term;
        const distance = b.position - a.position;
        if (distance > LINK_DISTANCE) break;
        if (a.key !== b.key) link(graph, a.key, b.key, 1 / distance);
      }
    }
  }
  return graph;
}

/** Sentences (by their index) that share terms; measured against their lengths, so that long ones do not win by length. */
export function sentenceGraph(sentences: readonly Sentence[]): Graph {
  const graph = new Map<string, Map<string, number>>(sentences.map((_, i) => [String(i), new Map()]));
  const keys = sentences.map(({ terms }) => new Set(terms.map((term) => term.key)));
  for (const [i, a] of keys.entries()) {
    for (let j = i + 1; j < keys.length; j++) {
      const b = keys[j] as Set<string>;
      let shared = 0;
      for (const key of a) if (b.has(key)) shared++;
      if (shared > 0) link(graph, String(i), String(j), shared / (Math.sqrt(a.size) + Math.sqrt(b.size)));
    }
  }
  return graph;
}

function link(graph: Map<string, Map<string, number>>, a: string, b: string, weight: number): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    let row = graph.get(from);
    if (row === undefined) {
      row = new Map();
      graph.set(from, row);
    }
    row.set(to, (row.get(to) ?? 0) + weight);
  }
}

export interface Keyword {
  readonly text: string;
  readonly score: number;
}

/** How often a term or phrase (its terms' keys, parted by line breaks) stands in the text, and in which spellings. */
interface Candidate {
  count: number;
  readonly size: number;
  readonly score: number;
  readonly surfaces: Map<string, number>;
}

/** Single terms and phrases of up to three neighbouring ones, best first, ties by code point. */
export function rankKeywords(sentences: readonly Sentence[]): Keyword[] {
  const found = candidatesIn(sentences);
  const countOf = (key: string) => found.get(key)?.count ?? 1;
  // A phrase must come back to count as one; then its words count only where they stand apart from it, and most of
  // them may not be those of a phrase that was taken before.
  const phrases = [...found].filter(([, candidate]) => candidate.size > 1 && candidate.count > 1);
  const claimed = new Map<string, number>();
  const keywords: Keyword[] = [];
  for (const [key, phrase] of phrases.sort((a, b) => b[1].size - a[1].size || byCodePoint(a[0], b[0]))) {
    const parts = key.split('\n');
    const together = phrase.count / Math.min(...parts.map(countOf));
    const taken = parts.filter((part) => (claimed.get(part) ?? 0) >= phrase.count).length;
    if (together < 0.5 || taken > parts.length / 2) continue;
    for (const part of parts) claimed.set(part, Math.max(claimed.get(part) ?? 0, phrase.count));
    keywords.push({ text: spelling(phrase.surfaces), score: round(phrase.score * together) });
  }
  for (const [key, { size, count, score, surfaces }] of found) {
    if (size > 1 || isLoneCharacter(key)) continue;
    keywords.push({
      text: spelling(surfaces),
      score: round(score * (1 - (claimed.get(key) ?? 0) / count)),
    });
  }
  return keywords
    .filter((keyword) => keyword.score > 0)
    .sort((a, b) => b.score - a.score || byCodePoint(a.text, b.text));
}

function candidatesIn(sentences: readonly Sentence[]): Map<string, Candidate> {
  const ranks = rank(termGraph(sentences));
  const found = new Map<string, Candidate>();
  for (const { terms } of sentences) {
    for (let from = 0; from < terms.length; from++) {
      for (let size = 1; size <= LONGEST_PHRASE && from + size <= terms.length; size++) {
        const words = terms.slice(from, from + size);
        if (size > 1 && (words[size - 1] as Term).position - (words[0] as Term).position !== size - 1) break;
        if (new Set(words.map((word) => word.key)).size < size) break;
        const key = words.map((word) => word.key).join('\n');
        const surface = joinWords(words.map((word) => word.surface));
        const score = words.reduce((sum, word) => sum + (ranks.get(word.key) ?? 0), 0);
        const candidate = found.get(key) ?? { count: 0, size, score, surfaces: new Map<string, number>() };
        candidate.count++;
        candidate.surfaces.set(surface, (candidate.surfaces.get(surface) ?? 0) + 1);
        found.set(key, candidate);
      }
    }
  }
  return found;
}

/** Sums in floating point differ in the last digits with their order; a tie must stay a tie. */
function round(score: number): number {
  return Math.round(score * 1e6) / 1e6;
}

function isLoneCharacter(text: string): boolean {
  return /^\p{sc=Han}$/u.test(text);
}

/** Chinese words stand without a space between them. */
function joinWords(words: readonly string[]): string {
  return words.reduce((joined, word) =>
    /\p{sc=Han}$/u.test(joined) && /^\p{sc=Han}/u.test(word) ? joined + word : `${joined} ${word}`,
  );
}

/** The spelling that is used most; one in small letters goes before one that only began a sentence. */
function spelling(surfaces: ReadonlyMap<string, number>): string {
  const all = [...surfaces].sort((a, b) => b[1] - a[1] || byCodePoint(a[0], b[0]));
  const small = all.find(([surface]) => surface === surface.toLowerCase());
  return (small ?? all[0])?.[0] ?? '';
}
