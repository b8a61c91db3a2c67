--[[ Notes under which prefixes a namespace's queues stand: whoever has others would look for its tasks, and put them, where
nobody else does. Others replace them only where nothing is left to be found under the old ones.
ARGV   prefixes as JSON
returns those in force
]]
local key = P .. 'prefixes'
local recorded = redis.call('GET', key)
if recorded and recorded ~= ARGV[1] then
  for _, set in ipairs({ 'open:canary', 'open:moved', 'open:copies' }) do
    if redis.call('ZCARD', P .. set) > 0 then return recorded end
  end
  for _, worker in ipairs(redis.call('ZRANGE', P .. 'workers', 0, -1)) do
    if isAlive(worker) then return recorded end
  end
end
redis.call('SET', key, ARGV[1])
return ARGV[1]
