--[[ Records outcomes of tasks that have no ledger entry (plain stable tasks). The first one wins.
ARGV   n, n rows of: id, outcome text, ttl (s), outcome channel, status (succeeded | failed | cancelled)
returns for each: 1 recorded | 0 there was one already
]]
local results, field = {}, fieldsOf(ARGV[2])
for i = 1, tonumber(ARGV[1]) do
  local id, text, ttl, channel, status = field(), field(), field(), field(), field()
  if redis.call('SET', P .. 'outcome:' .. id, text, 'EX', ttl, 'NX') then
    redis.call('PUBLISH', P .. 'outcome:' .. channel, id)
    redis.call('HINCRBY', P .. 'counts', 'plain:' .. status, 1)
    results[i] = 1
  else
    results[i] = 0
  end
end
return results
