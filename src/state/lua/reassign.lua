--[[ Gives unfinished canary tasks to stable. Needs nothing from canary's queue. Running under a live worker: left.
ARGV   n, then for each of n: id, outcome channel
returns for each: {'moved', spec, payload, acceptedAt, dueAt, failures} | {'cancelled'} | {'left', owner, state} | {'absent'}
]]
local function reassign(id, channel)
  local key = taskKey(id)
  local e = redis.call('HMGET', key, 'owner', 'state', 'worker', 'cancelRequested', 'spec', 'payload', 'acceptedAt',
    'dueAt', 'failures')
  if not e[1] then return { 'absent' } end
  local isFree = e[2] == 'accepted' or e[2] == 'retrying' or (e[2] == 'running' and not isAlive(e[3]))
  if e[1] ~= 'canary' or not isFree then return { 'left', e[1], e[2] } end
  if e[4] then
    cancelEntry(id, e[1], channel)
    return { 'cancelled' }
  end
  moveEntry(id, e[7])
  return { 'moved', e[5], e[6], e[7], e[8] or '', e[9] or '0' }
end

local results, at = {}, 2
for i = 1, tonumber(ARGV[1]) do
  results[i] = reassign(ARGV[at], ARGV[at + 1])
  at = at + 2
end
return results
