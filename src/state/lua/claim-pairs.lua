--[[ Takes pairs that are due to be looked at, for a while: whoever takes them settles them or puts them off. If it dies,
somebody else gets them after that while.
ARGV   most pairs, for how long (ms), n, then n task names
returns now (ms), then task, pair, task, pair, ...
]]
local room, whileMs = tonumber(ARGV[1]), tonumber(ARGV[2])
local results = { NOW }
for i = 1, tonumber(ARGV[3]) do
  if room <= 0 then break end
  local task = ARGV[3 + i]
  local key = P .. 'pairs:' .. task
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, room)
  for _, pair in ipairs(due) do
    redis.call('ZADD', key, 'XX', tonumber(NOW) + whileMs, pair)
    results[#results + 1] = task
    results[#results + 1] = pair
  end
  room = room - #due
end
return results
