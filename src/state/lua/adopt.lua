--[[ Writes an entry again that Redis lost (a marked job was delivered, its entry is gone and too young to have expired).
ARGV   id, backend that delivered it, spec, payload, entry ttl (s), acceptedAt of the job's mark
returns 'adopted' | 'known'
]]
local id, backend = ARGV[1], ARGV[2]
local key = taskKey(id)
if redis.call('EXISTS', key) == 1 then return 'known' end
-- Frozen means that nothing is canary's: the janitor will put it into stable's queue.
local frozen = redis.call('HGET', P .. 'control', 'frozen')
local owner = (backend == 'stable' or (frozen and frozen ~= '')) and 'stable' or 'canary'
redis.call('HSET', key, 'owner', 'canary', 'state', 'accepted', 'spec', ARGV[3], 'payload', ARGV[4],
  'ttl', ARGV[5], 'acceptedAt', ARGV[6])
redis.call('HINCRBY', P .. 'counts', 'accepted', 1)
if owner == 'stable' then moveEntry(id, ARGV[6]) else redis.call('ZADD', P .. 'open:canary', ARGV[6], id) end
return 'adopted'
