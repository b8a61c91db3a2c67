--[[ Makes copies of submissions, each to be compared with the run that it is a copy of. None while frozen, and none
beyond a limit: copies that nobody runs must not fill Redis.
ARGV   most unfinished copies, n, n rows of: id, owner, kind, spec, payload, entry ttl (s),
       the primary's id or '' where its other copy announces the pair, task, due at (ms) or 0, how long a side may
       take from then on (ms), the replay that it belongs to or '-', after what time the pair is looked at first (ms)
returns for each: 'acceptedAt' as a string of digits | 'frozen' | 'full'
]]
local isFrozen = redis.call('HGET', P .. 'control', 'frozen') ~= ''
local room = tonumber(ARGV[1]) - redis.call('ZCARD', P .. 'open:copies')
local results, field = {}, fieldsOf(ARGV[3])
local DAY_MS = 86400000
-- Payloads stand in the entry and in the job.
local MOST_BYTES = 256 * 1024 * 1024

-- Pairs that no worker looks at (none knows the task, or calls it shadowSafe) must not pile up either.
local function isCrowded(task, bytes)
  local open = redis.call('ZCARD', P .. 'open:copies')
  if open * bytes * 2 > MOST_BYTES then return true end
  local pairsKey = P .. 'pairs:' .. task
  if redis.call('ZCARD', pairsKey) < tonumber(ARGV[1]) then return false end
  redis.call('ZREMRANGEBYSCORE', pairsKey, '-inf', string.format('%d', tonumber(NOW) - DAY_MS))
  return redis.call('ZCARD', pairsKey) >= tonumber(ARGV[1])
end

for i = 1, tonumber(ARGV[2]) do
  local id, owner, kind, spec, payload = field(), field(), field(), field(), field()
  local ttl, primary, task, dueAt = field(), field(), field(), field()
  local patience, replay, firstLook = field(), field(), field()
  local key = taskKey(id)
  local known = redis.call('HGET', key, 'acceptedAt')
  if known then
    results[i] = known -- asked again because the answer was lost
  elseif isFrozen then
    results[i] = 'frozen'
  elseif room <= 0 or isCrowded(task, #payload) then
    results[i] = 'full'
  else
    room = room - 1
    redis.call('HSET', key, 'owner', owner, 'state', 'accepted', 'copy', kind, 'spec', spec, 'payload', payload,
      'ttl', ttl, 'acceptedAt', NOW, 'primary', primary)
    redis.call('ZADD', P .. 'open:copies', NOW, id)
    if primary ~= '' then
      local from = math.max(tonumber(NOW), tonumber(dueAt))
      local deadline = string.format('%d', from + patience)
      -- As pairs.ts reads it.
      local pair = table.concat({ kind, primary, id, NOW, deadline, replay }, ' ')
      redis.call('ZADD', P .. 'pairs:' .. task, string.format('%d', from + firstLook), pair)
    end
    results[i] = NOW
  end
end
return results
