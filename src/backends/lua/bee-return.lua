--[[
  Gives back a job that a stopping consumer took and did not begin: it becomes the next one to be taken.

  KEYS[1]  bq:<queue>:active    list
  KEYS[2]  bq:<queue>:waiting   list
  KEYS[3]  bq:<queue>:stalling  set

  ARGV[1]  id

  returns  1 (given back), 0 (it was not active any more)
]]
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('RPUSH', KEYS[2], ARGV[1])
return 1
