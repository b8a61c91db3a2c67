import type { HybridTaskManager } from '../../src/index.ts';
import type { Recorded } from './verdict.ts';

/** Some at a time: a busy machine has to answer all of them within the time limit of a command. */
const AT_ONCE = 50;

/** What is recorded of these tasks; one without an outcome is missing. */
export async function recordedOf(
  manager: HybridTaskManager,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Recorded>> {
  const recorded = new Map<string, Recorded>();
  const look = async (id: string) => {
    const report = await manager.find(id);
    if (!report?.outcome) return;
    const { status, value } = report.outcome;
    const run = (value as { run?: string } | undefined)?.run ?? null;
    recorded.set(id, { status, run, hasEntry: report.decision !== null });
  };
  for (let i = 0; i < ids.length; i += AT_ONCE) await Promise.all(ids.slice(i, i + AT_ONCE).map(look));
  return recorded;
}
