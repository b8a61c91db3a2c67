import { readFileSync } from 'node:fs';

/** From src/ and from dist/src/ the package's own file is found at different heights. */
function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not at this height.
    }
  }
  return 'unknown';
}

export const version = readVersion();
