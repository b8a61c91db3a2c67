--[[ Cancels an unfinished task: at once if it is not running, else by asking its worker.
ARGV   id, outcome channel
returns 'cancelled' | 'requested' | 'finished' | 'absent'
]]
local id, channel = ARGV[1], ARGV[2]
local e = redis.call('HMGET', taskKey(id), 'owner', 'state')
if not e[1] then return 'absent' end
if not isOpen(e[2]) then return 'finished' end
if e[2] == 'running' then
  redis.call('HSET', taskKey(id), 'cancelRequested', '1')
  redis.call('PUBLISH', P .. 'cancel', id)
  return 'requested'
end
cancelEntry(id, e[1], channel)
return 'cancelled'
