--[[ Changes the control state: compare-and-set on the epoch, audit entry, announcement. Needs no prelude: redis-cli can run it.
KEYS[1] the key prefix, "{namespace}:"
ARGV   intent (init | change | follow | freeze | resume), expected epoch or '' for any, actor, reason,
       then pairs: field, value (celeryRatio, mode, taskRatios as JSON; fileHash if they come from a file)
       follow: a change by an edited file; nothing if the file with this fileHash was made live last
returns {status, field, value, field, value, ...}: the state after the call
       status: ok | conflict (another epoch) | frozen (only resume is allowed)
]]
local P, intent, expected = KEYS[1], ARGV[1], ARGV[2]
local key = P .. 'control'

local function answer(status)
  local reply = redis.call('HGETALL', key)
  table.insert(reply, 1, status)
  return reply
end

local fields = {}
for i = 5, #ARGV, 2 do fields[ARGV[i]] = ARGV[i + 1] end

local epoch, frozen = redis.call('HGET', key, 'epoch'), redis.call('HGET', key, 'frozen')
if intent == 'init' and epoch then return answer('ok') end
if fields.fileHash and epoch then
  -- An edit reaches processes at different times: one that comes late must not undo what an operator did meanwhile.
  if intent == 'follow' and redis.call('HGET', key, 'fileHash') == fields.fileHash then return answer('ok') end
  local isLive = true
  for field, value in pairs(fields) do
    if field ~= 'fileHash' and redis.call('HGET', key, field) ~= value then isLive = false end
  end
  if isLive then
    redis.call('HSET', key, 'fileHash', fields.fileHash)
    return answer('ok')
  end
end
if intent == 'follow' then intent = 'change' end
if intent ~= 'freeze' and frozen and frozen ~= '' and intent ~= 'resume' then return answer('frozen') end
if expected ~= '' and expected ~= (epoch or '0') then return answer('conflict') end
if intent == 'freeze' and frozen == 'rollback' then return answer('ok') end
if intent == 'resume' and frozen == '' then return answer('ok') end

local clock = redis.call('TIME')
local before = cjson.encode(redis.call('HGETALL', key))
-- Defaults first: a freeze must work on an empty Redis as well.
if not epoch then redis.call('HSET', key, 'celeryRatio', '0', 'mode', 'ratio', 'taskRatios', '{}', 'frozen', '') end
for field, value in pairs(fields) do redis.call('HSET', key, field, value) end
if intent == 'freeze' then
  -- A task's own ratio becomes 0 and stays its own: one that was pinned to stable is not to follow the others later.
  local isReadable, ratios = pcall(cjson.decode, redis.call('HGET', key, 'taskRatios') or '{}')
  if not isReadable or type(ratios) ~= 'table' then ratios = {} end
  for task in pairs(ratios) do ratios[task] = 0 end
  redis.call('HSET', key, 'frozen', 'rollback', 'celeryRatio', '0', 'taskRatios', cjson.encode(ratios))
  -- What the rollback's report counts from. Nothing here may keep the freeze from happening.
  local counts = redis.pcall('HGETALL', P .. 'counts')
  redis.pcall('SET', P .. 'freeze', cjson.encode({
    at = clock[1] * 1000 + math.floor(clock[2] / 1000), epoch = (epoch or 0) + 1,
    counts = counts.err and {} or counts, openCanary = tonumber(redis.pcall('ZCARD', P .. 'open:canary')) or 0,
  }))
end
if intent == 'resume' then redis.call('HSET', key, 'frozen', '') end
redis.call('HINCRBY', key, 'epoch', 1)
redis.call('HSET', key, 'updatedAt', clock[1] * 1000 + math.floor(clock[2] / 1000), 'updatedBy', ARGV[3], 'reason', ARGV[4])

local after = redis.call('HGETALL', key)
redis.call('XADD', P .. 'audit', 'MAXLEN', '~', 10000, '*', 'intent', intent, 'actor', ARGV[3], 'reason', ARGV[4],
  'before', before, 'after', cjson.encode(after))
redis.call('PUBLISH', P .. 'control:changed', cjson.encode(after))
return answer('ok')
