--[[
  Adds a batch of jobs to one bee-queue queue: for each job what bee-queue's own addJob.lua and addDelayedJob.lua
  do, in one call. An id whose record exists is left untouched.

  KEYS[1]  bq:<queue>:jobs            hash: id -> record
  KEYS[2]  bq:<queue>:waiting         list
  KEYS[3]  bq:<queue>:delayed         zset: id by due time
  KEYS[4]  bq:<queue>:earlierDelayed  channel

  ARGV     per job three values: id, record (JSON text), due time in milliseconds since 1970 or ''

  returns  per job 1 (added) or 0 (was there)
  publishes the due time on earlierDelayed when a job of this batch became the first of the delayed ones
]]
local results, ready, due = {}, {}, {}
local has_due = false

for i = 1, #ARGV, 3 do
  local id = ARGV[i]
  if redis.call('HSETNX', KEYS[1], id, ARGV[i + 1]) == 0 then
    results[#results + 1] = 0
  else
    results[#results + 1] = 1
    if ARGV[i + 2] == '' then
      ready[#ready + 1] = id
    else
      redis.call('ZADD', KEYS[3], ARGV[i + 2], id)
      due[id] = ARGV[i + 2]
      has_due = true
    end
  end
end

if #ready > 0 then redis.call('LPUSH', KEYS[2], unpack(ready)) end

if has_due then
  local head = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
  if due[head] then redis.call('PUBLISH', KEYS[4], due[head]) end
end

return results
