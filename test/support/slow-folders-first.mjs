import TestSequencer from '@jest/test-sequencer';

/** Those with the files that take a minute come first, so that no worker is left with one of them at the end. */
const ORDER = ['faults', 'e2e', 'model', 'integration', 'contract', 'unit'];

/** Jest sequencer for a fresh clone, where jest does not know yet how long each file takes and goes by its size. */
export default class SlowFoldersFirst extends TestSequencer {
  async sort(tests) {
    const sorted = [...(await super.sort(tests))];
    if (sorted.every(({ duration }) => duration !== undefined)) return sorted;
    return sorted.sort((one, other) => placeOf(one) - placeOf(other));
  }
}

function placeOf({ path }) {
  const place = ORDER.findIndex((folder) => path.includes(`/test/${folder}/`));
  return place < 0 ? ORDER.length : place;
}
