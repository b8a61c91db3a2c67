--[[ In front of every ledger script. All keys carry the namespace as their one hash tag.
KEYS[1] the key prefix, "{namespace}:"
]]
local P = KEYS[1]
local clock = redis.call('TIME')
-- Milliseconds since 1970, as text: Redis writes a Lua number with 17 digits, which costs as much as a command.
local NOW = string.format('%d', clock[1] * 1000 + math.floor(clock[2] / 1000))

-- Batches come as one text of rows, each field ended by a newline (rows.ts): many arguments cost a client more than the
-- work itself. JSON text, ids and numbers hold no newline.
local function fieldsOf(rows)
  local at = 1
  return function()
    local stop = string.find(rows, '\n', at, true)
    local field = string.sub(rows, at, stop - 1)
    at = stop + 1
    return field
  end
end

local function taskKey(id) return P .. 'task:' .. id end

local function isAlive(worker)
  return redis.call('EXISTS', P .. 'worker:' .. worker) == 1
end

-- Whether a silent worker may be judged dead. Not by a server that was away until a heartbeat ago: everybody's has run
-- out then. ttl: of a heartbeat (ms); '0': at once; '': the caller itself has lost sight of Redis until just now.
local function judgesDeaths(ttl)
  if ttl == '' or ttl == '0' then return ttl == '0' end
  local info = redis.pcall('INFO', 'server')
  local uptime = type(info) == 'string' and string.match(info, 'uptime_in_seconds:(%d+)')
  return not uptime or tonumber(uptime) * 1000 > tonumber(ttl)
end

local function isOpen(state)
  return state == 'accepted' or state == 'running' or state == 'retrying'
end

-- I8: every count moves here and in adopt/accept/move, in the same step as the entry.
local MOVED = { succeeded = 'movedSucceeded', failed = 'movedFailed', cancelled = 'movedCancelled' }

-- Ends an open entry. The token stays: whoever repeats its own finish is recognised by it. Where it is not a run that
-- ends it, the caller takes the token away, so that a run that wakes up later is fenced.
local function closeEntry(id, owner, state, ttl)
  local key = taskKey(id)
  if redis.call('ZREM', P .. 'open:copies', id) == 1 then
    -- A copy is nobody's work: I8 does not know it.
  elseif owner == 'canary' then
    redis.call('ZREM', P .. 'open:canary', id)
    redis.call('HINCRBY', P .. 'counts', state, 1)
  else
    redis.call('ZREM', P .. 'open:moved', id)
    redis.call('HINCRBY', P .. 'counts', MOVED[state], 1)
  end
  redis.call('HSET', key, 'state', state, 'finishedAt', NOW)
  redis.call('HDEL', key, 'payload', 'cancelRequested')
  redis.call('EXPIRE', key, ttl)
end

-- An outcome is written once (I1); channel is where waiting callers listen.
local function recordOutcome(id, text, ttl, channel)
  -- Of a task that stores no result nobody waits for one.
  if text == '' then return end
  redis.call('SET', P .. 'outcome:' .. id, text, 'EX', ttl, 'NX')
  redis.call('PUBLISH', P .. 'outcome:' .. channel, id)
end

-- Cancelled inside a script, so the outcome is made here. Field names as in domain/outcome.ts.
local function cancelEntry(id, owner, channel)
  local e = redis.call('HMGET', taskKey(id), 'spec', 'attempt', 'acceptedAt', 'ttl')
  local isReadable, spec = pcall(cjson.decode, e[1])
  closeEntry(id, owner, 'cancelled', e[4])
  redis.call('HDEL', taskKey(id), 'token')
  recordOutcome(id, cjson.encode({
    id = id, task = isReadable and type(spec) == 'table' and spec.task or '', backend = owner, status = 'cancelled', attempts = tonumber(e[2] or '0'),
    enqueuedAt = tonumber(e[3]), startedAt = 0, finishedAt = tonumber(NOW),
  }), e[4], channel)
end

-- Gives a canary entry to stable; the caller enqueues it there.
local function moveEntry(id, acceptedAt)
  local key = taskKey(id)
  redis.call('HSET', key, 'owner', 'stable', 'state', 'accepted', 'movedAt', NOW)
  redis.call('HDEL', key, 'worker', 'token')
  redis.call('ZREM', P .. 'open:canary', id)
  redis.call('ZADD', P .. 'open:moved', acceptedAt, id)
  redis.call('HINCRBY', P .. 'counts', 'reassigned', 1)
end
