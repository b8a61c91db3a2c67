--[[ Cancels copies: at once where no live worker runs them, else by asking the worker, which is not waited for.
ARGV   ttl of a heartbeat as judgesDeaths takes it, n, n rows of: id, outcome channel
returns for each: 'cancelled' | 'requested' | 'left': it has ended, or is no copy
]]
local mayJudge = judgesDeaths(ARGV[1])
local results, field = {}, fieldsOf(ARGV[3])
for i = 1, tonumber(ARGV[2]) do
  local id, channel = field(), field()
  local e = redis.call('HMGET', taskKey(id), 'owner', 'state', 'worker', 'copy')
  if not e[4] or not isOpen(e[2]) then
    -- One whose record is gone would be walked for ever.
    if not e[1] then redis.call('ZREM', P .. 'open:copies', id) end
    results[i] = 'left'
  elseif e[2] == 'running' and not (mayJudge and not isAlive(e[3] or '')) then
    redis.call('HSET', taskKey(id), 'cancelRequested', '1')
    redis.call('PUBLISH', P .. 'cancel', id)
    results[i] = 'requested'
  else
    cancelEntry(id, e[1], channel)
    results[i] = 'cancelled'
  end
end
return results
