--[[
  Part of the discard scripts: takes many ids out of one list in one walk from its tail, where the oldest are.
  An LREM for each id would walk over the same jobs that stay, again and again.
]]
local STEP = 500
-- How far from the place that was named: a worker may have taken some of those before.
local SLACK = 500
local REACH = 10000
local GONE = 'hybrid:discarded'

--- @param wanted  set of ids, `count` of them
--- @param near    how many stand before the first of them, counted from the tail; only about there is searched. '': everywhere
--- @return set of those that were found
local function remove_from_list(list, wanted, count, near)
  local found, removed = {}, 0
  local length = redis.call('LLEN', list)
  local walked = math.max(0, (tonumber(near) or 0) - SLACK)
  if near ~= '' then length = math.min(length, walked + REACH) end
  while removed < count and walked < length do
    local ids = redis.call('LRANGE', list, -walked - math.min(STEP, length - walked), -walked - 1)
    for i = #ids, 1, -1 do
      walked = walked + 1
      if wanted[ids[i]] and not found[ids[i]] then
        redis.call('LSET', list, -walked, GONE)
        found[ids[i]] = true
        removed = removed + 1
      end
    end
  end
  if removed > 0 then redis.call('LREM', list, -removed, GONE) end
  return found, removed
end
