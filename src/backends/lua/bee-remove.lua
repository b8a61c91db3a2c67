--[[
  Removes a job that no handler is running. Only a waiting job costs a search of the waiting list.

  KEYS[1]  bq:<queue>:jobs       hash: id -> record
  KEYS[2]  bq:<queue>:succeeded  set
  KEYS[3]  bq:<queue>:failed     set
  KEYS[4]  bq:<queue>:delayed    zset
  KEYS[5]  bq:<queue>:active     list
  KEYS[6]  bq:<queue>:waiting    list
  KEYS[7]  bq:<queue>:stalling   set

  ARGV[1]  id

  returns  1 (removed), 0 (was not there, or is active)
]]
local id = ARGV[1]
if redis.call('HEXISTS', KEYS[1], id) == 0 then return 0 end
for _, active in ipairs(redis.call('LRANGE', KEYS[5], 0, -1)) do
  if active == id then return 0 end
end
local found = redis.call('SREM', KEYS[2], id) + redis.call('SREM', KEYS[3], id) + redis.call('ZREM', KEYS[4], id)
if found == 0 then redis.call('LREM', KEYS[6], 0, id) end
redis.call('SREM', KEYS[7], id)
return redis.call('HDEL', KEYS[1], id)
