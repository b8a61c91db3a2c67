--[[ Keeps what one process has counted since its last call.
ARGV   the process, the number of this call, cells as aggregate.lua takes them
returns 1 | 0: this very call was counted before, and its answer was lost
]]
local last = P .. 'agg:last:' .. ARGV[1]
if redis.call('GET', last) == ARGV[2] then return 0 end
count(ARGV[1] .. ':' .. ARGV[2], ARGV[3])
redis.call('SET', last, ARGV[2], 'EX', 3600)
return 1
