--[[
  Removes many BullMQ jobs that no worker is running: for each what BullMQ's own removeJob does, but the waiting ones are
  searched all at once from the end where the oldest are, so ids in the order in which they would be taken cost constant
  time each. Needs list-removal.lua in front.

  KEYS[1]  bull:<queue>:wait         list
  KEYS[2]  bull:<queue>:paused       list (of a queue that was paused before BullMQ 6)
  KEYS[3]  bull:<queue>:prioritized  zset
  KEYS[4]  bull:<queue>:delayed      zset
  KEYS[5]  bull:<queue>:active       list
  KEYS[6]  bull:<queue>:repeat       zset: job scheduler by the time of its next job
  KEYS[7]  bull:<queue>:meta         hash
  KEYS[8]  bull:<queue>:events       stream
  KEYS[9]  bull:<queue>:             in front of the keys of single jobs

  ARGV[1]  where in the list of waiting jobs the first of them stands, or '': search everywhere
  ARGV     then ids

  returns  how many were removed; not those that are active or locked, finished, waiting for children, a child
           themselves (their parent counts on them), the next job of a scheduler (it would never fire again), or not there
  emits    removed, per job
]]
local base = KEYS[9]
local max_events = redis.call('HGET', KEYS[7], 'opts.maxLenEvents') or 10000

-- An active job is in no list of waiting ones: it would be searched there in vain, through all of it.
local is_active = {}
for _, id in ipairs(redis.call('LRANGE', KEYS[5], 0, -1)) do is_active[id] = true end

local function is_next_of_schedule(id, schedule)
  local at = schedule and redis.call('ZSCORE', KEYS[6], schedule)
  return at and id == 'repeat:' .. schedule .. ':' .. at
end

local function is_free(id)
  local job = base .. id
  local timestamp, finished, parent, schedule =
    unpack(redis.call('HMGET', job, 'timestamp', 'finishedOn', 'parentKey', 'rjk'))
  return timestamp
    and not finished
    and (not parent or parent == '')
    and not is_active[id]
    and not redis.call('ZSCORE', base .. 'waiting-children', id)
    and redis.call('EXISTS', job .. ':lock') == 0
    and not is_next_of_schedule(id, schedule)
end

local removed = 0
local function forget(id, prev)
  local job = base .. id
  local deduplication = redis.call('HGET', job, 'deid')
  if deduplication and redis.call('GET', base .. 'de:' .. deduplication) == id then
    redis.call('DEL', base .. 'de:' .. deduplication, base .. 'dn:' .. deduplication)
  end
  redis.call('DEL', job, job .. ':logs', job .. ':dependencies', job .. ':processed', job .. ':failed',
    job .. ':unsuccessful')
  redis.call('XADD', KEYS[8], 'MAXLEN', '~', max_events, '*', 'event', 'removed', 'jobId', id, 'prev', prev)
  removed = removed + 1
end

local waiting, count = {}, 0
for i = 2, #ARGV do
  local id = ARGV[i]
  if is_free(id) then
    if redis.call('ZREM', KEYS[4], id) == 1 then
      forget(id, 'delayed')
    elseif redis.call('ZREM', KEYS[3], id) == 1 then
      forget(id, 'prioritized')
    elseif not waiting[id] then
      waiting[id] = true
      count = count + 1
    end
  end
end

-- Paused first: that list is hardly ever there, and what is in it need not be searched in the other one.
for _, from in ipairs({ { KEYS[2], 'paused' }, { KEYS[1], 'wait' } }) do
  local found, number = remove_from_list(from[1], waiting, count, ARGV[1])
  count = count - number
  for id in pairs(found) do
    waiting[id] = nil
    forget(id, from[2])
  end
end
return removed
