--[[ Claims an idempotency key for a submission that goes to stable.
ARGV   key hash, id, ttl (s)
returns {'claimed'} | {'known', id, owner, confirmed}   confirmed '0': its enqueue was never confirmed
]]
local key = P .. 'key:' .. ARGV[1]
local known = redis.call('HMGET', key, 'id', 'owner', 'confirmed')
if known[1] then return { 'known', known[1], known[2], known[3] } end
redis.call('HSET', key, 'id', ARGV[2], 'owner', 'stable', 'confirmed', '0')
redis.call('EXPIRE', key, ARGV[3])
return { 'claimed' }
