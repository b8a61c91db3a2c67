import type { Command } from 'commander';
import { runCompanion } from '../companion.ts';

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('run real documents through both backends (hybrid demo --help: its own options)')
    .argument('[arguments...]', 'passed on to the demo')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((argv: string[]) => runCompanion('examples/document-metadata/demo', 'runDemo', argv));
}

export function addBench(program: Command): void {
  program
    .command('bench')
    .description(
      'measure this library against plain bee-queue and plain BullMQ (hybrid bench --help: its own options)',
    )
    .argument('[arguments...]', 'passed on to the benchmark')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((argv: string[]) => runCompanion('scripts/bench/main', 'runBench', argv));
}
