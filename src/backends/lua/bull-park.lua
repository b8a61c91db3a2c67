--[[
  Moves a BullMQ job whose options cannot be read into the failed set. BullMQ itself would take it, trip over it and
  let it stall, again and again.

  KEYS[1]  bull:<queue>:wait         list
  KEYS[2]  bull:<queue>:active       list
  KEYS[3]  bull:<queue>:prioritized  zset
  KEYS[4]  bull:<queue>:stalled      set
  KEYS[5]  bull:<queue>:failed       zset: id by time
  KEYS[6]  bull:<queue>:<id>         hash
  KEYS[7]  bull:<queue>:<id>:lock    string

  ARGV[1]  id
  ARGV[2]  the text of the options that was seen
  ARGV[3]  now, milliseconds since 1970
  ARGV[4]  reason

  returns  1 (moved), 0 (the job changed meanwhile)
]]
local id, seen = ARGV[1], ARGV[2]
if redis.call('HGET', KEYS[6], 'opts') ~= seen then return 0 end
redis.call('LREM', KEYS[1], 0, id)
redis.call('LREM', KEYS[2], 0, id)
redis.call('ZREM', KEYS[3], id)
redis.call('SREM', KEYS[4], id)
redis.call('DEL', KEYS[7])
redis.call('HSET', KEYS[6], 'opts', '{}', 'unreadableOpts', seen, 'finishedOn', ARGV[3], 'failedReason', ARGV[4])
redis.call('ZADD', KEYS[5], ARGV[3], id)
return 1
