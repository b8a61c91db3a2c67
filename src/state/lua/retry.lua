--[[ A run ended without an outcome and is to be tried again.
ARGV   id, token, free (1: costs no try, as an abort by rollback), due at (ms), outcome channel
returns {'retrying'} | {'moved', spec, payload, acceptedAt, due at, failures} | {'cancelled'} | {'fenced'}
]]
local id, token, free, dueAt, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = taskKey(id)
local e = redis.call('HMGET', key, 'owner', 'state', 'token', 'cancelRequested', 'acceptedAt', 'spec', 'payload',
  'retryOf', 'failures', 'dueAt', 'copy')
-- No entry: Redis lost it; the redelivery adopts it again.
if not e[1] then return { 'retrying' } end
if e[8] == token and e[2] ~= 'running' and isOpen(e[2]) then
  -- Asked again because the answer was lost.
  if e[1] == 'stable' and redis.call('HGET', key, 'movedOf') == token then
    return { 'moved', e[6], e[7], e[5], e[10], e[9] or '0' }
  end
  return { 'retrying' }
end
if e[2] ~= 'running' or e[3] ~= token then return { 'fenced' } end
if e[4] then
  cancelEntry(id, e[1], channel)
  return { 'cancelled' }
end
local failures = tonumber(e[9] or '0')
if free ~= '1' then failures = redis.call('HINCRBY', key, 'failures', 1) end
redis.call('HSET', key, 'retryOf', token, 'dueAt', dueAt)
if e[1] == 'canary' and redis.call('HGET', P .. 'control', 'frozen') == 'rollback' then
  if e[11] then
    -- A copy is never moved.
    cancelEntry(id, e[1], channel)
    return { 'cancelled' }
  end
  moveEntry(id, e[5])
  redis.call('HSET', key, 'movedOf', token)
  return { 'moved', e[6], e[7], e[5], dueAt, tostring(failures) }
end
redis.call('HSET', key, 'state', 'retrying')
redis.call('HDEL', key, 'worker', 'token')
return { 'retrying' }
