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
}

/** Where a walk is: several nodes, because a key is met by its own step and by `*`. Empty: no pointer goes on here. */
export type Position = readonly PointerNode[];

/** A place that no pointer concerns. */
export const NOWHERE: Position = [];

function newNode(): PointerNode {
  return { members: new Map(), every: null, isIgnored: false, isUnordered: false, isSensitive: false };
}

/** The position of a whole result. */
export function rootPosition(definition: ParityDefinition): Position {
  const root = newNode();
  for (const pointer of definition.ignore) nodeAt(root, pointer).isIgnored = true;
  for (const pointer of definition.unordered) nodeAt(root, pointer).isUnordered = true;
  for (const pointer of definition.sensitive) nodeAt(root, pointer).isSensitive = true;
  return [root];
}

function nodeAt(root: PointerNode, pointer: string): PointerNode {
  let node = root;
  for (const step of pointerSteps(pointer) ?? []) {
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
export function memberOf(position: Position, key: string | number): Position {
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
export const isSensitive = (position: Position): boolean => position.some((node) => node.isSensitive);

/** Whether a pointer leads to anything in a value. */
export function leadsSomewhere(value: unknown, pointer: string): boolean {
  return reaches(value, pointerSteps(pointer) ?? [], 0);
}

function reaches(value: unknown, steps: readonly string[], at: number): boolean {
  const step = steps[at];
  if (step === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (step === '*') return Object.values(value).some((member) => reaches(member, steps, at + 1));
  if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(step)) return false;
  return Object.hasOwn(value, step) && reaches((value as Record<string, unknown>)[step], steps, at + 1);
}
