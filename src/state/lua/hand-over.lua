--[[ Puts moved tasks into plain bee-queue queues and ends their entries, in one step: plain workers know no ledger. The
jobs are written as bee-queue's own addJob.lua and addDelayedJob.lua do.
ARGV   n, n rows of: id, bee-queue key prefix with the queue ("bq:<queue>:"), record (JSON text), due time (ms) or '',
       outcome channel; then the ttl of a heartbeat as judgesDeaths takes it
returns for each: 'handed-over' | 'cancelled' | 'left' (running under a live worker, finished, or not stable's)
]]
local results, field, mayJudge = {}, fieldsOf(ARGV[2]), judgesDeaths(ARGV[3])
for i = 1, tonumber(ARGV[1]) do
  local id, queue, record, dueAt, channel = field(), field(), field(), field(), field()
  local e = redis.call('HMGET', taskKey(id), 'owner', 'state', 'worker', 'ttl', 'cancelRequested')
  local isFree = e[2] == 'accepted' or e[2] == 'retrying' or (e[2] == 'running' and mayJudge and not isAlive(e[3] or ''))
  if e[1] ~= 'stable' or not isFree then
    results[i] = 'left'
  elseif e[5] then
    cancelEntry(id, e[1], channel)
    results[i] = 'cancelled'
  else
    if redis.call('HSETNX', queue .. 'jobs', id, record) == 1 then
      if dueAt == '' then
        redis.call('LPUSH', queue .. 'waiting', id)
      else
        redis.call('ZADD', queue .. 'delayed', dueAt, id)
        if redis.call('ZRANGE', queue .. 'delayed', 0, 0)[1] == id then
          redis.call('PUBLISH', queue .. 'earlierDelayed', dueAt)
        end
      end
    end
    redis.call('ZREM', P .. 'open:moved', id)
    redis.call('HINCRBY', P .. 'counts', 'handedOver', 1)
    redis.call('HSET', taskKey(id), 'state', 'handed-over', 'finishedAt', NOW)
    redis.call('HDEL', taskKey(id), 'payload', 'cancelRequested', 'token', 'worker')
    redis.call('EXPIRE', taskKey(id), tonumber(e[4] or '') or 604800)
    results[i] = 'handed-over'
  end
end
return results
