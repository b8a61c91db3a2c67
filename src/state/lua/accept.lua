--[[ Accepts submissions for canary, unless the decision behind them is out of date (I3).
ARGV   n, then for each of n: id, epoch of the decision, spec, payload, retries, entry ttl (s), key hash or '', key ttl (s)
returns for each: {'accepted', acceptedAt} | {'duplicate', owner, acceptedAt} | {'key', id, owner, confirmed} | {'stale'}
]]
local control = redis.call('HMGET', P .. 'control', 'epoch', 'frozen')
local results, at = {}, 2
for i = 1, tonumber(ARGV[1]) do
  local id, epoch, spec, payload = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local retries, ttl, keyHash, keyTtl = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  at = at + 8
  local key = taskKey(id)
  local known = redis.call('HMGET', key, 'owner', 'acceptedAt')
  local claim = {}
  if not known[1] and keyHash ~= '' then
    claim = redis.call('HMGET', P .. 'key:' .. keyHash, 'id', 'owner', 'confirmed')
  end
  if known[1] then
    -- First, so that a producer whose answer was lost learns of its own success, frozen or not.
    results[i] = { 'duplicate', known[1], known[2] }
  elseif claim[1] then
    results[i] = { 'key', claim[1], claim[2], claim[3] }
  elseif control[2] ~= '' or control[1] ~= epoch then
    results[i] = { 'stale' }
  else
    if keyHash ~= '' then
      redis.call('HSET', P .. 'key:' .. keyHash, 'id', id, 'owner', 'canary', 'confirmed', '1')
      redis.call('EXPIRE', P .. 'key:' .. keyHash, keyTtl)
    end
    redis.call('HSET', key, 'owner', 'canary', 'state', 'accepted', 'spec', spec, 'payload', payload,
      'retries', retries, 'ttl', ttl, 'acceptedAt', NOW)
    redis.call('ZADD', P .. 'open:canary', NOW, id)
    redis.call('HINCRBY', P .. 'counts', 'accepted', 1)
    results[i] = { 'accepted', NOW }
  end
end
return results
