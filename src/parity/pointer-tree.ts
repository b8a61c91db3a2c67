import { pointerSteps } from '../domain/json-pointer.ts';
import type { ParityDefinition } from '../domain/parity.ts';

/** A task's pointers as a tree, so that a walk through a result follows all of them at once. */
export interface PointerNode {
  readonly members: Map<string, PointerNode>;
  /** What `*` leads to. */
  every: PointerNode | null;
  isIgnored: boolean;
  isUnordered: boolean;
  isSensitive: boolean;
  /** null: no sensitive place lies further on. */
  onward: Onward | null;
}

/** The next steps to sensitive places, by the shape of the value that they need. */
interface Onward {
  /** Some have a name, which no array has. */
  hasNames: boolean;
  /** Those that are a position in an array; an object may have them as keys. */
  readonly positions: Set<string>;
}

/** A step that is a place in an array. */
const ARRAY_POSITION = /^(?:0|[1-9]\d*)$/;

/** Where a walk is: several nodes, because a key is met by its own step and by `*`. Empty: no pointer goes on here. */
export type Position = readonly PointerNode[];

/** A place that no pointer concerns. */
export const NOWHERE: Position = [];

function newNode(): PointerNode {
  return {
    members: new Map(),
    every: null,
    isIgnored: false,
    isUnordered: false,
    isSensitive: false,
    onward: null,
  };
}

/** The position of a whole result. */
export function rootPosition(definition: ParityDefinition): Position {
  const root = newNode();
  for (const pointer of definition.ignore) nodeAt(root, pointer).isIgnored = true;
  for (const pointer of definition.unordered) nodeAt(root, pointer).isUnordered = true;
  for (const pointer of definition.sensitive) {
    nodeAt(root, pointer, leadOn).isSensitive = true;
  }
  return [root];
}

function leadOn(node: PointerNode, step: string): void {
  node.onward ??= { hasNames: false, positions: new Set() };
  if (ARRAY_POSITION.test(step)) node.onward.positions.add(step);
  else if (step !== '*') node.onward.hasNames = true;
}

function nodeAt(
  root: PointerNode,
  pointer: string,
  pass?: (node: PointerNode, step: string) => void,
): PointerNode {
  let node = root;
  for (const step of pointerSteps(pointer) ?? []) {
    pass?.(node, step);
    let next = step === '*' ? node.every : node.members.get(step);
    if (!next) {
      next = newNode();
      if (step === '*') node.every = next;
      else node.members.set(step, next);
    }
    node = next;
  }
  return node;
}

/** The position of a member, by its key or its place in an array. */
export function stepInto(position: Position, key: string | number): Position {
  if (position.length === 0) return NOWHERE;
  const found: PointerNode[] = [];
  for (const node of position) {
    const member = node.members.size > 0 ? node.members.get(String(key)) : undefined;
    if (member) found.push(member);
    if (node.every) found.push(node.every);
  }
  return found.length === 0 ? NOWHERE : found;
}

export const isIgnored = (position: Position): boolean => position.some((node) => node.isIgnored);
export const isUnordered = (position: Position): boolean => position.some((node) => node.isUnordered);

/**
 * Whether a value must not be shown at all: its place is sensitive, or a sensitive place should be within it and it has not the shape
 * to say where, so that the secret may be anywhere in it: JSON text in place of an object, an array in place of an
 * object or the reverse. null hides nothing.
 */
export function isSecret(value: unknown, position: Position): boolean {
  return position.some((node) => node.isSensitive || (node.onward !== null && !fits(value, node.onward)));
}

function fits(value: unknown, { hasNames, positions }: Onward): boolean {
  if (typeof value !== 'object') return value === undefined;
  if (value === null) return true;
  if (Array.isArray(value)) return !hasNames;
  for (const position of positions) if (!Object.hasOwn(value, position)) return false;
  return true;
}

/** Whether a pointer leads to anything in a value. */
export function leadsSomewhere(value: unknown, pointer: string): boolean {
  return reaches(value, pointerSteps(pointer) ?? [], 0);
}

function reaches(value: unknown, steps: readonly string[], at: number): boolean {
  const step = steps[at];
  if (step === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (step === '*') return Object.values(value).some((member) => reaches(member, steps, at + 1));
  if (Array.isArray(value) && !ARRAY_POSITION.test(step)) return false;
  return Object.hasOwn(value, step) && reaches((value as Record<string, unknown>)[step], steps, at + 1);
}
