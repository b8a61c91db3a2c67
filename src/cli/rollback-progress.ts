import type { RollbackEvent, RollbackListener, RollbackPhase } from '../index.ts';
import { colors, say } from './output.ts';
import { count, plural, span } from './words.ts';

const WORDS: Readonly<Record<RollbackPhase, string>> = {
  freeze: 'freeze',
  'start-stable': 'start stable',
  evacuate: 'evacuate',
  wait: 'wait for running tasks',
  'stop-canary': 'stop canary',
  verify: 'verify',
  tidy: 'tidy up',
  persist: 'write files',
};
/** A screen that is written more often than this only flickers. Milliseconds. */
const REDRAW_MS = 100;

/**
 * Shows a rollback as it goes, on standard error: one line per phase, the last one alive on a terminal. Elsewhere a line
 * when a phase ends, and one now and then in a long one.
 */
export function rollbackProgress(isTerminal: boolean): RollbackListener {
  const view = isTerminal ? new LiveLine() : new PlainLines();
  let phase: RollbackPhase = 'freeze';
  return (event) => {
    if (event.type === 'phase-began') phase = event.phase;
    if (event.type === 'phase-ended') return view.end(`${WORDS[event.phase]} ✓ ${span(event.ms)}`);
    if (event.type === 'problem') return;
    if (event.type === 'trouble')
      return view.tell(`Redis is away, going on as soon as it is back: ${event.message}`);
    const text = progressOf(event);
    view.update(text === '' ? WORDS[phase] : `${WORDS[phase]} ${text}`);
  };
}

function progressOf(event: RollbackEvent): string {
  switch (event.type) {
    case 'moved':
      return `${count(event.moved)}/${count(event.total)}`;
    case 'waiting': {
      const patience =
        event.abortInMs > 0 ? `abort in ${Math.ceil(event.abortInMs / 1000)} s` : 'asked to end';
      return `(${plural(event.running, 'task')}, ${patience})`;
    }
    case 'verified':
      return `${count(event.looked)}${event.enqueuedAgain > 0 ? `, ${count(event.enqueuedAgain)} delivered again` : ''}`;
    case 'tidied':
      return `${count(event.removed)} left-over jobs`;
    default:
      return '';
  }
}

interface View {
  update(text: string): void;
  end(text: string): void;
  tell(text: string): void;
}

class LiveLine implements View {
  #drawnAt = 0;
  #last = '';

  update(text: string): void {
    this.#last = text;
    if (Date.now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = Date.now();
    process.stderr.write(`\r\u001b[2K  ${colors.dim('…')} ${text}`);
  }

  end(text: string): void {
    process.stderr.write(`\r\u001b[2K  ${text}${detailOf(this.#last)}\n`);
    this.#last = '';
    this.#drawnAt = 0;
  }

  tell(text: string): void {
    process.stderr.write('\r\u001b[2K');
    say(`  ${text}`);
  }
}

/** Not a line per batch: a log is read afterwards. */
class PlainLines implements View {
  static readonly #EVERY_MS = 2_000;
  #saidAt = Date.now();
  #last = '';
  #told = '';

  update(text: string): void {
    this.#last = text;
    if (Date.now() - this.#saidAt < PlainLines.#EVERY_MS) return;
    this.#saidAt = Date.now();
    say(`  ${text}`);
  }

  end(text: string): void {
    say(`  ${text}${detailOf(this.#last)}`);
    this.#last = '';
    this.#saidAt = Date.now();
  }

  tell(text: string): void {
    if (text !== this.#told) say(`  ${text}`);
    this.#told = text;
  }
}

/** The numbers of what was shown last. */
function detailOf(last: string): string {
  const numbers = /\d.*$/.exec(last)?.[0];
  return numbers === undefined || last.includes('(') ? '' : ` (${numbers})`;
}
