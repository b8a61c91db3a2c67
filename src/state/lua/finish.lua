--[[ Records outcomes: state, counts, outcome and announcement in one step. Only the token granted last may (fencing).
ARGV   n, n rows of: id, token, backend, state (succeeded | failed), outcome text or '', its ttl (s),
       outcome channel, entry ttl (s), copy (1 | 0)
returns for each: 'recorded' | 'fenced'
]]
local results, field = {}, fieldsOf(ARGV[2])
for i = 1, tonumber(ARGV[1]) do
  local id, token, backend, state = field(), field(), field(), field()
  local outcome, outcomeTtl, channel, ttl, copy = field(), field(), field(), field(), field()
  local e = redis.call('HMGET', taskKey(id), 'owner', 'state', 'token')
  if e[1] and e[3] == token and not isOpen(e[2]) then
    results[i] = 'recorded' -- asked again because the answer was lost
  elseif e[1] and (e[3] ~= token or e[2] ~= 'running') then
    results[i] = 'fenced'
  elseif not e[1] and (copy == '1' or redis.call('EXISTS', P .. 'outcome:' .. id) == 1) then
    results[i] = 'fenced'
  else
    local owner = e[1]
    if not owner then
      -- Redis lost the entry while the task ran: write it down as accepted and finished, so that I8 stays exact.
      owner = backend
      redis.call('HSET', taskKey(id), 'owner', owner, 'token', token, 'acceptedAt', NOW)
      redis.call('HINCRBY', P .. 'counts', 'accepted', 1)
      if owner == 'stable' then redis.call('HINCRBY', P .. 'counts', 'reassigned', 1) end
    end
    closeEntry(id, owner, state, ttl)
    recordOutcome(id, outcome, outcomeTtl, channel)
    results[i] = 'recorded'
  end
end
return results
