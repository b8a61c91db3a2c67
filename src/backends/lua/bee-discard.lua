--[[
  Removes many jobs that no handler is running. The waiting ones are searched from the end where the oldest are, so ids
  in the order in which they would be taken cost constant time each. Needs list-removal.lua in front.

  KEYS[1]  bq:<queue>:jobs       hash: id -> record
  KEYS[2]  bq:<queue>:succeeded  set
  KEYS[3]  bq:<queue>:failed     set
  KEYS[4]  bq:<queue>:delayed    zset
  KEYS[5]  bq:<queue>:active     list
  KEYS[6]  bq:<queue>:waiting    list
  KEYS[7]  bq:<queue>:stalling   set

  ARGV[1]  where in the list of waiting jobs the first of them stands, or '': search everywhere
  ARGV     then ids

  returns  how many were removed; not those that are active, dead (kept after success or failure) or not there
]]
-- An active job is in no list of waiting ones: it would be searched there in vain, through all of it.
local is_active = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[5], 0, -1)) do is_active[id] = true end

local removed = 0
local function forget(id)
  redis.call('SREM', KEYS[7], id)
  redis.call('HDEL', KEYS[1], id)
  removed = removed + 1
end

local waiting, count = {}, 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local is_live = redis.call('HEXISTS', KEYS[1], id) == 1
    and not is_active[id]
    and redis.call('SISMEMBER', KEYS[2], id) + redis.call('SISMEMBER', KEYS[3], id) == 0
  if is_live and redis.call('ZREM', KEYS[4], id) == 1 then
    forget(id)
  elseif is_live and not waiting[id] then
    waiting[id] = true
    count = count + 1
  end
end

for id in pairs((remove_from_list(KEYS[6], waiting, count, ARGV[1]))) do forget(id) end
return removed
