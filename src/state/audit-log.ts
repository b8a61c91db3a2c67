import type { ControlRedis } from './control-redis.ts';

export interface AuditEntry {
  /** The stream's id; its first part is milliseconds since 1970. */
  readonly id: string;
  readonly at: number;
  readonly intent: string;
  readonly actor: string;
  readonly reason: string;
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
}

/** The newest changes of the control state, newest first. */
export async function readAudit(redis: ControlRedis, limit: number): Promise<readonly AuditEntry[]> {
  const rows = await redis.ask('read audit', (client) =>
    client.xrevrange(redis.keys.audit, '+', '-', 'COUNT', limit),
  );
  return rows.map(([id, list]) => {
    const fields = record(list);
    return {
      id,
      at: Number(id.split('-')[0]),
      intent: fields.intent ?? '',
      actor: fields.actor ?? '',
      reason: fields.reason ?? '',
      before: record(lenient(fields.before)),
      after: record(lenient(fields.after)),
    };
  });
}

/** Lua writes an empty list as `{}`. */
function lenient(text: string | undefined): readonly string[] {
  const parsed: unknown = JSON.parse(text ?? '[]');
  return Array.isArray(parsed) ? parsed : [];
}

function record(list: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) result[list[i] as string] = list[i + 1] as string;
  return result;
}

/** Adds an entry that changes nothing: what came of something that was done. */
export async function noteInAudit(
  redis: ControlRedis,
  entry: { readonly intent: string; readonly actor: string; readonly reason: string },
): Promise<void> {
  const { audit, control } = redis.keys;
  await redis.ask('write audit', async (client) => {
    const state = JSON.stringify(Object.entries(await client.hgetall(control)).flat());
    const { intent, actor, reason } = entry;
    const fields = ['intent', intent, 'actor', actor, 'reason', reason, 'before', state, 'after', state];
    return client.xadd(audit, 'MAXLEN', '~', 10_000, '*', ...fields);
  });
}
