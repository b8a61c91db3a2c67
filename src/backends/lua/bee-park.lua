--[[
  Takes a job that cannot be read out of the way. Its text is kept aside: in the failed set it would break
  every dashboard that lists failed jobs.

  KEYS[1]  bq:<queue>:active      list
  KEYS[2]  bq:<queue>:stalling    set
  KEYS[3]  bq:<queue>:jobs        hash: id -> record
  KEYS[4]  bq:<queue>:unreadable  hash: id -> the text that could not be read (this library's own)

  ARGV[1]  id
  ARGV[2]  the text that was seen, or '' if there was none

  returns  1 (taken out), 0 (it was not active any more)
]]
local id, seen = ARGV[1], ARGV[2]
local removed = redis.call('LREM', KEYS[1], 1, id)
redis.call('SREM', KEYS[2], id)
-- Only what was seen: meanwhile somebody may have added the job anew.
if seen ~= '' and redis.call('HGET', KEYS[3], id) == seen then
  redis.call('HSET', KEYS[4], id, seen)
  redis.call('HDEL', KEYS[3], id)
end
return removed
