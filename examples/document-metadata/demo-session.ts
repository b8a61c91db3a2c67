import { type HybridConfig, HybridTaskError, HybridTaskManager, loadConfig } from '../../src/index.ts';
import { type RedisSource, resolveRedis } from '../../src/private-redis.ts';
import { defaultDocuments } from './default-documents.ts';
import { awaitComparisons, keepReport, lookBack } from './demo-comparison.ts';
import { DemoFolder } from './demo-folder.ts';
import { demoConfigFile, followUp, hybridCommand } from './demo-follow-up.ts';
import { plainLog } from './demo-log.ts';
import type { DemoOptions } from './demo-options.ts';
import { openProgress, type Progress } from './demo-progress.ts';
import { runDocuments } from './demo-run.ts';
import { settingsWith } from './demo-settings.ts';
import { type DemoSummary, type RatioChange, summarise } from './demo-summary.ts';
import { Tally } from './demo-tally.ts';
import { plural, shortPath } from './demo-text.ts';
import { Workers } from './demo-workers.ts';
import { NoDocumentsError } from './errors.ts';
import { INJECTIONS, withInjection } from './injection.ts';
import { readDocuments, type SourceDocument } from './reading.ts';
import { openStore } from './store.ts';

/** A freeze is in force in the demo's namespace. */
export class DemoFrozenError extends HybridTaskError {
  readonly code = 'E_FROZEN';
  constructor(config: HybridConfig) {
    super(
      "The demo's namespace is frozen, so nothing new may go to BullMQ. To lift that: " +
        hybridCommand('resume --reason "..."', config),
    );
  }
}

/** Lets go of what was opened, the last first. */
class Closing {
  readonly #steps: (() => Promise<unknown>)[] = [];
  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }
  async all(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

interface Session {
  readonly options: DemoOptions;
  readonly tally: Tally;
  readonly progress: Progress;
  readonly closing: Closing;
  /** Aborted: begin nothing new. */
  readonly stop: AbortSignal;
  say(text: string): void;
}

/**
 * Everything from the first document to the summary: folder, Redis, worker processes, submissions, answers.
 *
 * @param stop ends the run early; what is under way is finished
 * @returns null if it was stopped before anything was submitted
 * @throws {HybridTaskError}
 */
export async function runSession(options: DemoOptions, stop: AbortSignal): Promise<DemoSummary | null> {
  const tally = new Tally(options.limit);
  const progress = openProgress(() => tally.progress(), options.json);
  const say = (text: string) => {
    if (!options.json) progress.note(text);
  };
  const closing = new Closing();
  try {
    return await run({ options, tally, progress, closing, stop, say });
  } catch (error) {
    progress.end();
    if (tally.chunks.submitted > 0)
      say('Stopped. What is finished is kept: the same command again goes on from there.');
    throw error;
  } finally {
    progress.end();
    await closing.all();
  }
}

async function run(session: Session): Promise<DemoSummary | null> {
  const { options, tally, closing, stop, say } = session;
  // First what costs nothing to find out: for a wrong path no server is started.
  const documents = await openDocuments(session);
  const settings = await loadConfig({ file: demoConfigFile() });
  const ratio = options.ratio ?? settings.routing.celeryRatio;
  const source = nameOfSource(options);
  const { injection, limit } = options;
  const folder = await DemoFolder.open(options.outDir, { source, ratio, limit, injection });
  closing.add(() => folder.close());
  const store = await openStore(folder.path, { resume: folder.isResumed });
  if (injection !== null) say(`Injected on purpose: on canary (BullMQ) ${INJECTIONS[injection].what}.`);
  if (folder.isResumed) say('Going on where the same command was interrupted.');

  const own = injection === null ? settings : await settingsWith(injection, settings, folder);
  const redis = await openRedis(own, say);
  closing.add(() => redis.stop());
  const config: HybridConfig = {
    ...own,
    redis: { ...own.redis, url: redis.url },
    // As a whole, or a ratio of the task's own, or flag mode, that somebody has set earlier would go before it.
    routing: { celeryRatio: ratio, mode: 'ratio', tasks: {} },
  };
  const manager = await openManager(config, session);
  // Figures are kept by the minute: of two runs in one minute, the second is to show its own only.
  if (!folder.isResumed) await manager.forgetComparisons();
  const control = await manager.apply({ reason: `demo of ${source}` });
  const changes: RatioChange[] = [];
  manager.onChange((state) => {
    const { epoch, celeryRatio, updatedBy: by } = state;
    changes.push({ epoch, celeryRatio, frozen: state.frozen !== '', by });
  });
  if (stop.aborted) return null;

  const { processes } = config.worker;
  const shareText = `${Math.round(ratio * 1000) / 10} %`;
  say(
    `Reading ${source} with ${plural(processes, 'worker process', 'worker processes')}; ` +
      `${shareText} of the documents go to canary (BullMQ), the others to stable (bee-queue).`,
  );
  const { workers, lost } = await openWorkers(config, session);
  const startedAt = performance.now();
  session.progress.begin();
  const work = runDocuments({ manager, store, runId: folder.runId, tally, signal: stop }, documents);
  await Promise.race([work, lost]);
  const durationMs = performance.now() - startedAt;
  session.progress.end();
  const isInterrupted = stop.aborted;
  const enough = new AbortController();
  lost.catch(() => enough.abort());
  const uncompared = isInterrupted
    ? 0
    : await awaitComparisons(manager, AbortSignal.any([stop, enough.signal]), say);
  // Their last jobs are complete then, and all is written down: whoever counts after the demo counts the same.
  await workers.stop();
  await manager.close();
  const { status, report } = await lookBack(config, folder.startedAt);
  const summary = summarise({
    source,
    redis: { host: new URL(redis.url).host, isPrivate: redis.isPrivate },
    workers: processes,
    control,
    changes,
    tally,
    durationMs,
    status,
    injection,
    report: isInterrupted ? null : await keepReport(report, uncompared, folder),
    isInterrupted,
    output: folder.path,
    next: followUp(config, injection),
  });
  if (!isInterrupted) await folder.finish(summary);
  return summary;
}

/** The first document has been read: there is something to do. @throws {UnreadableSourceError | NoDocumentsError} */
async function openDocuments({ options, tally }: Session): Promise<AsyncIterator<SourceDocument>> {
  const reading = {
    onFound: (files: number) => tally.found(files),
    onSkipped: (file: { path: string; reason: string }) => tally.passedOver(file),
    ...(options.limit === null ? {} : { limit: options.limit }),
  };
  const documents =
    options.folder === null ? defaultDocuments(reading) : readDocuments(options.folder, reading);
  const first = await documents.next();
  if (first.done) throw new NoDocumentsError(nameOfSource(options), skippedText(tally));
  return (async function* () {
    yield first.value;
    yield* documents;
  })();
}

function skippedText({ skipped }: Tally): string {
  if (skipped.count === 0) return '';
  const first = skipped.first.slice(0, 3).map(({ path, reason }) => `${shortPath(path)}: ${reason}`);
  return ` (${skipped.count} passed over: ${first.join('; ')}${skipped.count > 3 ? '; ...' : ''})`;
}

function nameOfSource({ folder }: DemoOptions): string {
  return folder ?? 'the READMEs of the installed dependencies';
}

/** @throws {RedisUnreachableError | InvalidConfigError} */
async function openRedis(config: HybridConfig, say: Session['say']): Promise<RedisSource> {
  const redis = await resolveRedis({
    url: config.redis.url,
    // In production a forgotten REDIS_URL must not quietly become an empty server.
    allowPrivate: process.env.NODE_ENV !== 'production',
    mayInstall: true,
  });
  const { host } = new URL(redis.url);
  if (redis.isPrivate)
    say(
      `Redis: a private one on ${host}, its data in .hybrid/, for trying things out. Set REDIS_URL to use your own.`,
    );
  else say(`Redis: ${host}, namespace ${config.namespace}.`);
  return redis;
}

/** @throws {DemoFrozenError} */
async function openManager(
  config: HybridConfig,
  { closing, progress, options }: Session,
): Promise<HybridTaskManager> {
  const manager = await HybridTaskManager.open({
    config,
    tasks: [withInjection(options.injection)],
    actor: 'demo',
    log: plainLog((line) => progress.note(line)),
    followConfigFile: false,
  });
  closing.add(() => manager.close());
  if (manager.state.frozen !== '') throw new DemoFrozenError(config);
  return manager;
}

/** `lost` rejects when no worker is left to wait for. @throws {WorkersEndedError} */
async function openWorkers(config: HybridConfig, { closing, progress, options }: Session) {
  let reject: (error: Error) => void = () => {};
  const lost = new Promise<never>((_, fail) => {
    reject = fail;
  });
  lost.catch(() => {});
  const workers = await Workers.start({
    processes: config.worker.processes,
    configFile: config.file ?? demoConfigFile(),
    redisUrl: config.redis.url ?? '',
    namespace: config.namespace,
    injection: options.injection,
    note: (line) => progress.note(line),
    onLost: reject,
  });
  closing.add(() => workers.stop());
  return { workers, lost };
}
