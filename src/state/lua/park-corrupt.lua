--[[ Ends open entries that cannot be read: counted as failed, parked for a person. What is left of the record is kept.
ARGV   ttl (s) of what is written, n, n rows of: id, outcome channel
returns the ids that were parked now
]]
local ttl, parked, field = ARGV[1], {}, fieldsOf(ARGV[3])
for _ = 1, tonumber(ARGV[2]) do
  local id, channel = field(), field()
  local owner = redis.call('ZREM', P .. 'open:canary', id) == 1 and 'canary'
    or redis.call('ZREM', P .. 'open:moved', id) == 1 and 'stable'
  if owner then
    parked[#parked + 1] = id
    redis.call('HINCRBY', P .. 'counts', owner == 'canary' and 'failed' or 'movedFailed', 1)
    redis.call('HINCRBY', P .. 'counts', owner == 'canary' and 'corrupt' or 'movedCorrupt', 1)
    redis.call('ZADD', P .. 'parked', NOW, id)
    if redis.call('TYPE', taskKey(id)).ok == 'hash' then
      redis.call('HSET', taskKey(id), 'state', 'failed', 'finishedAt', NOW)
      redis.call('HDEL', taskKey(id), 'token', 'cancelRequested')
      redis.call('EXPIRE', taskKey(id), ttl)
    end
    -- Field names as in domain/outcome.ts, words as in CorruptEntryError.
    recordOutcome(id, cjson.encode({
      id = id, task = '', backend = owner, status = 'failed', attempts = 0, enqueuedAt = 0, startedAt = 0,
      finishedAt = tonumber(NOW),
      error = {
        name = 'CorruptEntryError', code = 'E_CORRUPT_ENTRY',
        message = 'The ledger entry of task ' .. id .. ' cannot be read; it is parked.',
      },
    }), ttl, channel)
  end
end
return parked
