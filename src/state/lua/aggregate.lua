--[[ Puts counts into the running minute, as they come: whoever reads them adds them up. A part of add-aggregates.lua and
settle-pairs.lua. Adding up here would keep Redis busy for milliseconds with what any process can do.
name   of these counts, under which a repeated call writes them again
cells  JSON of a list of: field, cell, how often (once unless said otherwise). A cell tells of one task on one backend:
       tables of numbers, all of which add up: {"counts": {"succeeded": 3}, "run": {"1024": 2}}
]]
local RAW_TTL = 25 * 3600

local function count(name, cells)
  local minute = string.format('%d', math.floor(tonumber(NOW) / 60000))
  local key, index = P .. 'agg:d:' .. minute, P .. 'agg:minutes'
  -- The index first: should the hash be somebody else's, nothing was written that a repeated call would write once more.
  redis.call('ZADD', index, minute, minute)
  redis.call('HSET', key, name, cells, 'newestAt', NOW)
  redis.call('EXPIRE', key, RAW_TTL)
  redis.call('EXPIRE', index, RAW_TTL)
end
