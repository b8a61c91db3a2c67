--[[
  Whether jobs are there, in constant time each: the waiting list is never searched.

  KEYS[1]  bq:<queue>:jobs       hash: id -> record
  KEYS[2]  bq:<queue>:succeeded  set
  KEYS[3]  bq:<queue>:failed     set

  ARGV     ids

  returns  per id 0 (absent), 1 (live: waiting, delayed or active), 2 (dead: kept after success or failure)
]]
local results = {}
for i, id in ipairs(ARGV) do
  if redis.call('HEXISTS', KEYS[1], id) == 0 then
    results[i] = 0
  elseif redis.call('SISMEMBER', KEYS[2], id) + redis.call('SISMEMBER', KEYS[3], id) > 0 then
    results[i] = 2
  else
    results[i] = 1
  end
end
return results
