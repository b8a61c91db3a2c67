import { isHidden } from './pair-preparation.ts';
import { isSecret, NOWHERE, type Position, stepInto } from './pointer-tree.ts';

/** What is shown in place of a sensitive value. */
export const REDACTED = '[redacted]';

/** The last character of a text that was cut. JSON text never ends in it. */
export const CUT_MARK = '…';

/** How much of a side is kept with a mismatch, in bytes of UTF-8. */
const MOST_SIDE_BYTES = 4096;

/** How long the text of one differing value may be, in UTF-16 code units. */
const MOST_VALUE_LENGTH = 200;

/** JSON text of a whole side without its sensitive values, at most 4 KiB of UTF-8. */
export function sideText(value: unknown, position: Position): string {
  const text = jsonPrefix(value, position, MOST_SIDE_BYTES);
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST_SIDE_BYTES) return text;
  let end = MOST_SIDE_BYTES - Buffer.byteLength(CUT_MARK);
  // The bytes of a character behind its first one are 10xxxxxx.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + CUT_MARK;
}

/** JSON text of one differing value of a prepared pair. */
export function valueText(prepared: unknown): string {
  return isHidden(prepared) ? REDACTED : cutText(jsonPrefix(prepared, NOWHERE, MOST_VALUE_LENGTH));
}

/** A text of at most 200 UTF-16 code units, no character broken, its end marked if it was longer. */
export function cutText(text: string): string {
  if (text.length <= MOST_VALUE_LENGTH) return text;
  const end = MOST_VALUE_LENGTH - CUT_MARK.length;
  const isWithinPair = /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return text.slice(0, isWithinPair ? end - 1 : end) + CUT_MARK;
}

/** JSON text of a value, or its beginning: longer than `length` if it is not whole. A large value is not written to its end. */
function jsonPrefix(value: unknown, position: Position, length: number): string {
  const writer = { text: '', length };
  write(writer, value, position);
  return writer.text;
}

interface Writer {
  text: string;
  readonly length: number;
}

function write(writer: Writer, value: unknown, position: Position): void {
  if (isHidden(value) || isSecret(value, position)) writer.text += JSON.stringify(REDACTED);
  else if (typeof value === 'string') writer.text += beginningOf(value, writer);
  else if (typeof value !== 'object' || value === null) writer.text += JSON.stringify(value) ?? 'null';
  else if (Array.isArray(value)) writeArray(writer, value, position);
  else writeObject(writer, value as Record<string, unknown>, position);
}

/** Cut beyond what will be shown, so that a half character at its end never is. */
function beginningOf(text: string, { length }: Writer): string {
  return JSON.stringify(text.length > length ? text.slice(0, length + 1) : text);
}

function writeArray(writer: Writer, array: readonly unknown[], position: Position): void {
  writer.text += '[';
  for (const [i, element] of array.entries()) {
    if (writer.text.length > writer.length) return;
    if (i > 0) writer.text += ',';
    write(writer, element, stepInto(position, i));
  }
  writer.text += ']';
}

function writeObject(writer: Writer, object: Readonly<Record<string, unknown>>, position: Position): void {
  writer.text += '{';
  let isFirst = true;
  for (const key of Object.keys(object)) {
    if (writer.text.length > writer.length) return;
    writer.text += `${isFirst ? '' : ','}${beginningOf(key, writer)}:`;
    isFirst = false;
    write(writer, object[key], stepInto(position, key));
  }
  writer.text += '}';
}
