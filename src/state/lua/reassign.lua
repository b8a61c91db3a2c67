--[[ Gives unfinished canary tasks to stable. Needs nothing from canary's queue. Running under a live worker: left.
ARGV   guard ('frozen': only while a rollback is in force | ''), setAside (1: tasks with a priority are only put aside,
       into the sorted set `evacuating`, to be moved after those without | 0), most bytes of payload in the answer,
       ttl of a heartbeat as judgesDeaths takes it, n, then for each of n: id, outcome channel
returns for each: {'moved', spec, payload, acceptedAt, dueAt, failures} | {'cancelled'} | {'left', owner, state} | {'absent'}
       | {'corrupt'}: listed as open, but its record is gone or unreadable | {'aside'} | {'later'}: the answer is full
       | {'thawed'}: nothing was done
]]
local guard, setAside, room = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local OPEN = P .. 'open:canary'
local mayJudge = judgesDeaths(ARGV[4])

local function reassign(id, channel)
  local e = redis.pcall('HMGET', taskKey(id), 'owner', 'state', 'worker', 'cancelRequested', 'spec', 'payload',
    'acceptedAt', 'dueAt', 'failures', 'ttl', 'copy')
  local isListed = e[1] ~= 'canary' and redis.call('ZSCORE', OPEN, id)
  -- Not canary's and still listed as canary's open task: whatever it is, no script of ours wrote it.
  if e.err or isListed then return { 'corrupt' } end
  if not e[1] then return { 'absent' } end
  local isFree = e[2] == 'accepted' or e[2] == 'retrying' or (e[2] == 'running' and mayJudge and not isAlive(e[3] or ''))
  local isWhole = e[5] and e[6] and tonumber(e[7] or '') and tonumber(e[10] or '') and isOpen(e[2])
  if e[1] == 'canary' and not isWhole and redis.call('ZSCORE', OPEN, id) then return { 'corrupt' } end
  if e[1] ~= 'canary' or not isFree then return { 'left', e[1], e[2] } end
  if e[4] or e[11] then
    cancelEntry(id, e[1], channel)
    return { 'cancelled' }
  end
  local priority = setAside and string.match(e[5], '"priority":(%d+)')
  if priority then
    -- Equal priorities stand in the order of their ids, which begin with the time of their making.
    redis.call('ZADD', P .. 'evacuating', priority, id)
    return { 'aside' }
  end
  room = room - #e[6]
  moveEntry(id, e[7])
  return { 'moved', e[5], e[6], e[7], e[8] or '', e[9] or '0' }
end

local isStopped = guard == 'frozen' and redis.call('HGET', P .. 'control', 'frozen') ~= 'rollback'
local results, at = {}, 6
for i = 1, tonumber(ARGV[5]) do
  if isStopped then
    results[i] = { 'thawed' }
  elseif room < 0 then
    results[i] = { 'later' }
  else
    results[i] = reassign(ARGV[at], ARGV[at + 1])
  end
  at = at + 2
end
return results
