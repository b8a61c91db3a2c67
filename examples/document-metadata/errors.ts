import { HybridTaskError } from '../../src/index.ts';

/** The folder or file that was asked for cannot be read at all. A single bad file among good ones is only skipped. */
export class UnreadableSourceError extends HybridTaskError {
  readonly code = 'E_UNREADABLE_SOURCE';
  readonly path: string;
  constructor(path: string, problem: string) {
    super(
      `${path} cannot be read: ${problem}; allowed: a folder or file with .md, .markdown, .txt, .html or .htm.`,
    );
    this.path = path;
  }
}

/** The folder for the results cannot be made or written to. */
export class OutputFolderError extends HybridTaskError {
  readonly code = 'E_OUTPUT_FOLDER';
  readonly path: string;
  constructor(path: string, problem: string) {
    super(
      `${path} cannot be written: ${problem}; allowed: a folder that you may write to, or one that can be made.`,
    );
    this.path = path;
  }
}

/** The folder for the results can be written to, but not by this run. */
export class OutputInUseError extends HybridTaskError {
  readonly code = 'E_OUTPUT_IN_USE';
  readonly path: string;
  constructor(path: string, problem: string) {
    super(`${path} is not used for the output: ${problem}. Name another folder: --out DIR`);
    this.path = path;
  }
}

/** There is something to read, but no document in it. */
export class NoDocumentsError extends HybridTaskError {
  readonly code = 'E_NO_DOCUMENTS';
  readonly path: string;
  constructor(path: string, skipped: string) {
    super(
      `There is no document in ${path}${skipped}; allowed: .md, .markdown, .txt, .html and .htm files with text in UTF-8.`,
    );
    this.path = path;
  }
}

/** A chunk or document was updated before it was stored: a mistake in the calling code. */
export class NotStoredError extends HybridTaskError {
  readonly code = 'E_NOT_STORED';
  readonly id: string;
  constructor(id: string, missing: string) {
    super(`${id} is not in the store: ${missing} first.`);
    this.id = id;
  }
}

/** What the file system said, in words; never a stack trace. */
export function fileProblem(error: unknown): string {
  // Not instanceof: where code runs in a context of its own, Node's errors are of another Error class.
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return FILE_PROBLEMS[code] ?? (code || 'unknown trouble');
}

const FILE_PROBLEMS: Record<string, string> = {
  ENOENT: 'it does not exist',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a file stands where a folder is needed',
  EEXIST: 'a file stands where a folder is needed',
  ELOOP: 'its links go in a circle',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
  EMFILE: 'too many files are open',
};
