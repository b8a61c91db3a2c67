--[[
  A page of the waiting jobs of a BullMQ queue in the order in which they will be taken: the tail of the lists comes
  first, and the prioritized ones follow when the lists are empty.

  KEYS[1]  bull:<queue>:paused       list (of a queue that was paused before BullMQ 6; goes to the tail of wait on resume)
  KEYS[2]  bull:<queue>:wait         list
  KEYS[3]  bull:<queue>:prioritized  zset

  ARGV[1]  how many to pass over
  ARGV[2]  how many to return

  returns  ids
]]
local from, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local ids = {}

for i = 1, 2 do
  local length = redis.call('LLEN', KEYS[i])
  if from < length and #ids < count then
    local last = length - 1 - from
    local first = math.max(0, last - (count - #ids) + 1)
    local page = redis.call('LRANGE', KEYS[i], first, last)
    for k = #page, 1, -1 do ids[#ids + 1] = page[k] end
  end
  from = math.max(0, from - length)
end

if #ids < count then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[3], from, from + count - #ids - 1)) do ids[#ids + 1] = id end
end
return ids
