--[[ Asks for the right to run tasks. Granted to one live worker of the owning backend at a time (I2).
ARGV   backend, worker id, heartbeat ttl (ms), most losses allowed, n,
       n rows of: id, token that this delivery proposes, outcome channel,
       ttl (s) of a failure's outcome, or 0 if the task stores none
returns for each: {'granted', attempt, failures} | {'absent', now} | {'skip', why} | {'busy'}
       why: moved, finished, cancelled, parked
]]
local backend, worker, losses = ARGV[1], ARGV[2], tonumber(ARGV[4])
-- Renewed in this very step: a worker that looks dead must not be granted anything that is taken away at once.
if redis.call('PEXPIRE', P .. 'worker:' .. worker, ARGV[3]) == 0 then
  redis.call('SET', P .. 'worker:' .. worker, '{}', 'PX', ARGV[3])
end

-- The task keeps taking its workers down. Field names as in domain/outcome.ts, words as in PoisonTaskError.
local function park(id, owner, lost, e, channel, outcomeTtl)
  redis.call('ZADD', P .. 'parked', NOW, id)
  redis.call('ZREMRANGEBYSCORE', P .. 'parked', 0, tonumber(NOW) - tonumber(e[9]) * 1000)
  local spec = cjson.decode(redis.call('HGET', taskKey(id), 'spec'))
  closeEntry(id, owner, 'failed', e[9])
  redis.call('HDEL', taskKey(id), 'token')
  local outcome = outcomeTtl == '0' and '' or cjson.encode({
    id = id, task = spec.task, backend = owner, status = 'failed', attempts = tonumber(e[5]),
    enqueuedAt = tonumber(e[10]), startedAt = 0, finishedAt = tonumber(NOW),
    error = {
      name = 'PoisonTaskError', code = 'E_POISON_TASK',
      message = 'Task ' .. id .. ' lost its worker ' .. lost .. ' times while running; it is parked.',
    },
  })
  recordOutcome(id, outcome, outcomeTtl, channel)
end

local ENDS = { succeeded = true, failed = true, cancelled = true }

-- How a recorded outcome ended; nil: none is there. What somebody has put in its place was one all the same: outcome-store.ts
-- takes it for a failure, too.
local function endOf(id)
  local outcome = redis.pcall('GET', P .. 'outcome:' .. id)
  if not outcome then return nil end
  local isReadable, read = pcall(cjson.decode, outcome)
  local isOutcome = isReadable and type(read) == 'table' and read.id == id and ENDS[read.status]
  return isOutcome and read.status or 'failed'
end

-- What its caller has called off is not run as a copy either. A long outcome holds a result.
local function isCalledOff(primary)
  if redis.call('HGET', taskKey(primary), 'state') == 'cancelled' then return true end
  local length = redis.pcall('STRLEN', P .. 'outcome:' .. primary)
  return type(length) == 'number' and length < 4096 and endOf(primary) == 'cancelled'
end

local function start(id, token, channel, failureTtl)
  local key = taskKey(id)
  local e = redis.call('HMGET', key, 'owner', 'state', 'worker', 'token', 'attempt', 'failures', 'losses',
    'cancelRequested', 'ttl', 'acceptedAt', 'retryOf', 'copy', 'primary')
  local owner, state, holder = e[1], e[2], e[3]
  if not owner then return { 'absent', NOW } end
  if state == 'running' and e[4] == token then return { 'granted', tonumber(e[5]), tonumber(e[6] or '0') } end
  -- An old copy of this very question, held up on a broken connection: its run has ended and is to be tried again.
  if not isOpen(state) or e[11] == token then return { 'skip', 'finished' } end
  if owner ~= backend then return { 'skip', 'moved' } end
  if state == 'running' and holder ~= worker and isAlive(holder) then return { 'busy' } end
  if e[8] then
    cancelEntry(id, owner, channel)
    return { 'skip', 'cancelled' }
  end
  -- A copy that has taken one worker down is not let near a second one: others' tasks run there. It has not failed: a
  -- worker may have been killed for any reason, and whoever is no copy is run again then.
  if e[12] and (state == 'running' or isCalledOff(e[13] or '')) then
    cancelEntry(id, owner, channel)
    return { 'skip', 'cancelled' }
  end
  local ended = not e[5] and endOf(id)
  if ended then
    -- Its accept came so late that a repeat of the submission went to stable and has run there; or Redis lost the
    -- entry, which was written again, and kept the outcome.
    closeEntry(id, owner, ended, e[9])
    return { 'skip', 'finished' }
  end
  local lost = tonumber(e[7] or '0')
  if state == 'running' then
    -- Granted before to a worker that died, or to this one in a run that its process no longer has.
    lost = lost + 1
    redis.call('HSET', key, 'losses', lost)
    if lost > losses then
      park(id, owner, lost, e, channel, failureTtl)
      return { 'skip', 'parked' }
    end
  end
  local attempt = tonumber(e[5] or '0') + 1
  redis.call('HSET', key, 'state', 'running', 'worker', worker, 'token', token, 'startedAt', NOW,
    'attempt', tostring(attempt))
  return { 'granted', attempt, tonumber(e[6] or '0') }
end

local results, field = {}, fieldsOf(ARGV[6])
for i = 1, tonumber(ARGV[5]) do
  local id, token, channel, failureTtl = field(), field(), field(), field()
  results[i] = start(id, token, channel, failureTtl)
end
return results
