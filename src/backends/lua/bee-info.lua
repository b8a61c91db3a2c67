--[[
  What is known of one job. The active list is searched (it is as long as there are handlers), the waiting list is not.

  KEYS[1]  bq:<queue>:jobs       hash: id -> record
  KEYS[2]  bq:<queue>:succeeded  set
  KEYS[3]  bq:<queue>:failed     set
  KEYS[4]  bq:<queue>:delayed    zset
  KEYS[5]  bq:<queue>:active     list

  ARGV[1]  id

  returns  nil, or { state, record, due time or '' }
]]
local id = ARGV[1]
local record = redis.call('HGET', KEYS[1], id)
if not record then return nil end
if redis.call('SISMEMBER', KEYS[2], id) == 1 then return { 'succeeded', record, '' } end
if redis.call('SISMEMBER', KEYS[3], id) == 1 then return { 'failed', record, '' } end
local due = redis.call('ZSCORE', KEYS[4], id)
if due then return { 'delayed', record, tostring(due) } end
for _, active in ipairs(redis.call('LRANGE', KEYS[5], 0, -1)) do
  if active == id then return { 'active', record, '' } end
end
return { 'waiting', record, '' }
