// tsc copies no .lua files; the built library reads them from beside its own modules.
import { cp } from 'node:fs/promises';

for (const room of ['state', 'backends']) {
  await cp(`src/${room}/lua`, `dist/src/${room}/lua`, { recursive: true });
}
