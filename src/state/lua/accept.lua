--[[ Accepts submissions for canary, unless the decision behind them is out of date (I3).
ARGV   n, n rows of: id, epoch of the decision, spec, payload, entry ttl (s), key hash or '', key ttl (s)
returns for each: 'acceptedAt' alone, as a string of digits | {'duplicate', owner, acceptedAt}
       | {'key', id, owner, confirmed} | {'stale'}
]]
local control = redis.call('HMGET', P .. 'control', 'epoch', 'frozen')
local isOpenFor = control[2] == '' and control[1]
local results, field = {}, fieldsOf(ARGV[2])
-- One ZADD for the batch: score, id, score, id, ...
local opened = {}

for i = 1, tonumber(ARGV[1]) do
  local id, epoch, spec, payload = field(), field(), field(), field()
  local ttl, keyHash, keyTtl = field(), field(), field()
  local key = P .. 'task:' .. id
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
  elseif isOpenFor ~= epoch then
    results[i] = { 'stale' }
  else
    if keyHash ~= '' then
      redis.call('HSET', P .. 'key:' .. keyHash, 'id', id, 'owner', 'canary', 'confirmed', '1')
      redis.call('EXPIRE', P .. 'key:' .. keyHash, keyTtl)
    end
    redis.call('HSET', key, 'owner', 'canary', 'state', 'accepted', 'spec', spec, 'payload', payload,
      'ttl', ttl, 'acceptedAt', NOW)
    opened[#opened + 1] = NOW
    opened[#opened + 1] = id
    results[i] = NOW
  end
end

if #opened > 0 then
  redis.call('ZADD', P .. 'open:canary', unpack(opened))
  redis.call('HINCRBY', P .. 'counts', 'accepted', #opened / 2)
end
return results
