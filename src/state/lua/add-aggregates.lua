--[[ Adds what one process has counted since its last call.
ARGV   the process, the number of this call, n, n rows of: field, cell
returns 1 | 0: this very call was counted before, and its answer was lost
]]
local last = P .. 'agg:last:' .. ARGV[1]
if redis.call('GET', last) == ARGV[2] then return 0 end
redis.call('SET', last, ARGV[2], 'EX', 3600)
local parts, field = {}, fieldsOf(ARGV[4])
for _ = 1, tonumber(ARGV[3]) do
  local name = field()
  parts[name] = addTo(parts[name] or {}, cjson.decode(field()))
end
aggregate(parts)
return 1
