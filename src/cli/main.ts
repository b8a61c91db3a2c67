#!/usr/bin/env node
import { report } from './failure.ts';
import { flushed, tolerateClosedPipes } from './output.ts';
import { createProgram } from './program.ts';

const argv = process.argv.slice(2);

async function end(code: number): Promise<never> {
  await flushed();
  // A module of the team may keep a connection open; a command that is done is done all the same.
  process.exit(code);
}

const program = createProgram();
const endWith = (error: unknown) => void end(report(error, argv, program));

tolerateClosedPipes();
process.on('uncaughtException', endWith);
process.on('unhandledRejection', endWith);

program
  .parseAsync(argv.length === 0 ? ['help'] : argv, { from: 'user' })
  .then(() => end(Number(process.exitCode ?? 0)), endWith);
