--[[ Adds counts to the running minute and the running hour. A part of add-aggregates.lua and settle-pairs.lua.
A cell tells of one task on one backend: tables of numbers, all of which add up: {"counts": {"succeeded": 3},
"run": {"1024": 2}}. It comes as JSON and is kept as MessagePack with the buckets' keys as numbers, which is a third of the
size and quicker to read.
]]
local KEEP = { m = 86400 + 3600, h = 31 * 86400 }
local MOST_PATHS = 50
local TIMINGS = { wait = true, run = true, total = true }

local function addTo(sum, part)
  for group, values in pairs(part) do
    local target = sum[group] or {}
    sum[group] = target
    local isBounded, size = group == 'paths', 0
    if isBounded then
      for _ in pairs(target) do size = size + 1 end
    end
    for name, value in pairs(values) do
      if TIMINGS[group] then name = tonumber(name) end
      if target[name] then
        target[name] = target[name] + value
      elseif not isBounded or size < MOST_PATHS then
        target[name] = value
        size = size + 1
      end
    end
  end
  return sum
end

-- parts: field -> cell
local function aggregate(parts)
  for span, ms in pairs({ m = 60000, h = 3600000 }) do
    local key = P .. 'agg:' .. span .. ':' .. string.format('%d', math.floor(tonumber(NOW) / ms))
    for field, part in pairs(parts) do
      local known = redis.call('HGET', key, field)
      redis.call('HSET', key, field, cmsgpack.pack(addTo(known and cmsgpack.unpack(known) or {}, part)))
    end
    redis.call('HSET', key, 'newestAt', NOW)
    redis.call('EXPIRE', key, KEEP[span])
  end
end
