import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from '@jest/globals';

/**
 * Fails unless the text is the one that was read and approved. `UPDATE_GOLDEN=1` writes it anew.
 * @param file below test/golden
 */
export function expectGolden(file: string, text: string): void {
  const path = join('test/golden', file);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(existsSync(path) ? readFileSync(path, 'utf8') : '');
}
