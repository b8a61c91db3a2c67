--[[ Puts the sums of a minute or an hour in their place, unless what they are the sums of has changed since it was read.
ARGV   'm' | 'h', its number, the draft that holds the sums; then
       of a minute: how many fields its raw hash had, and its newestAt
       of an hour:  the numbers of its first and last minute
returns 1 | 0: nothing was done
]]
local span, number = ARGV[1], ARGV[2]
local draft, target = P .. 'agg:draft:' .. ARGV[3], P .. 'agg:' .. span .. ':' .. number
local raw, minutes, hours = P .. 'agg:d:' .. number, P .. 'agg:minutes', P .. 'agg:hours'
local isAsRead
if span == 'm' then
  -- Anybody who wrote into it since has left a newer time or one more field; who took it away, nothing.
  isAsRead = redis.call('HLEN', raw) == tonumber(ARGV[4]) and (redis.call('HGET', raw, 'newestAt') or '') == ARGV[5]
else
  isAsRead = redis.call('ZSCORE', hours, number) and redis.call('ZCOUNT', minutes, ARGV[4], ARGV[5]) == 0
end
if not isAsRead or redis.call('EXISTS', draft) == 0 then
  redis.call('UNLINK', draft)
  return 0
end
redis.call('RENAME', draft, target)
if span == 'm' then
  redis.call('EXPIRE', target, 25 * 3600)
  redis.call('UNLINK', raw)
  redis.call('ZREM', minutes, number)
  local hour = string.format('%d', math.floor(tonumber(number) / 60))
  redis.call('ZADD', hours, hour, hour)
  redis.call('EXPIRE', hours, 31 * 86400)
else
  redis.call('EXPIRE', target, 31 * 86400)
  redis.call('ZREM', hours, number)
end
return 1
