--[[
  Part of the discard scripts: takes many ids out of one list in one walk from its tail, where the oldest are.
  An LREM for each id would walk over the same jobs that stay, again and again.
]]
local STEP = 500
local GONE = 'hybrid:discarded'

--- @param wanted  set of ids, `count` of them
--- @return set of those that were in the list
local function remove_from_list(list, wanted, count)
  local found, removed, walked = {}, 0, 0
  local length = redis.call('LLEN', list)
  while removed < count and walked < length do
    local last = length - walked - 1
    local ids = redis.call('LRANGE', list, math.max(0, last - STEP + 1), last)
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
