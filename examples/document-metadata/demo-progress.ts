import { MultiBar } from 'cli-progress';
import { inDigits, lineWidth, wrap } from './demo-text.ts';

export interface ProgressCounts {
  /** Files read or skipped. */
  readonly files: number;
  readonly filesTotal: number;
  readonly chunks: number;
  readonly stable: number;
  readonly canary: number;
}

/** What a person sees while the demo works. All of it is on stderr: stdout is the summary's. */
export interface Progress {
  begin(): void;
  /** Prints a text above the bar; the same one only once, however many processes complain about it. */
  note(text: string): void;
  end(): void;
}

const LINE_EVERY_MS = 3000;
const DRAW_EVERY_MS = 200;
/** Whoever has read so many complaints needs no more of them. */
const MOST_NOTES = 50;

/** @param isQuiet no plain lines where there is no terminal */
export function openProgress(counts: () => ProgressCounts, isQuiet: boolean): Progress {
  const progress = process.stderr.isTTY ? barProgress(counts) : lineProgress(counts, isQuiet);
  const said = new Set<string>();
  return {
    ...progress,
    note: (text) => {
      if (said.has(text) || said.size === MOST_NOTES) return;
      said.add(text);
      progress.note(wrap(text, lineWidth(), ''));
    },
  };
}

function lineProgress(counts: () => ProgressCounts, isQuiet: boolean): Progress {
  let timer: NodeJS.Timeout | undefined;
  const note = (line: string) => void process.stderr.write(`${line}\n`);
  const tell = () => {
    const { files, filesTotal, chunks, stable, canary } = counts();
    note(
      `${inDigits(files)} of ${inDigits(filesTotal)} documents, ${inDigits(chunks)} chunks: ` +
        `${inDigits(stable)} stable, ${inDigits(canary)} canary`,
    );
  };
  return {
    begin: () => {
      if (!isQuiet) timer = setInterval(tell, LINE_EVERY_MS).unref();
    },
    note,
    end: () => clearInterval(timer),
  };
}

function barProgress(counts: () => ProgressCounts): Progress {
  let timer: NodeJS.Timeout | undefined;
  let bars: MultiBar | undefined;
  return {
    begin: () => {
      bars = new MultiBar({
        stream: process.stderr,
        format: '{bar} {value}/{total} documents, {chunks} chunks: {stable} stable, {canary} canary',
        // The rest of the line has up to 59 characters.
        barsize: Math.min(40, Math.max(10, (process.stderr.columns ?? 80) - 60)),
        barCompleteChar: '█',
        barIncompleteChar: '░',
        clearOnComplete: true,
        hideCursor: true,
        // The demo takes the signals itself.
        gracefulExit: false,
      });
      const bar = bars.create(Math.max(1, counts().filesTotal), 0, shown(counts()));
      const draw = () => {
        bar.setTotal(Math.max(1, counts().filesTotal));
        bar.update(counts().files, shown(counts()));
      };
      timer = setInterval(draw, DRAW_EVERY_MS).unref();
    },
    note: (line) => {
      if (bars === undefined) process.stderr.write(`${line}\n`);
      else bars.log(`${line}\n`);
    },
    end: () => {
      clearInterval(timer);
      bars?.stop();
      bars = undefined;
    },
  };
}

function shown({ chunks, stable, canary }: ProgressCounts) {
  return { chunks: inDigits(chunks), stable: inDigits(stable), canary: inDigits(canary) };
}
