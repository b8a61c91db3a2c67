--[[ Writes down what pairs came to: each pair once, whoever asks how often.
ARGV   most mismatches kept, n, n rows of: task, pair, field, cell, mismatch as JSON or '',
       the replay that it belongs to or '', matched | mismatched | dropped
returns for each 1 | 0: somebody else has settled it
]]
local results, parts, field = {}, {}, fieldsOf(ARGV[3])
for i = 1, tonumber(ARGV[2]) do
  local task, pair, name, cell = field(), field(), field(), field()
  local mismatch, replay, verdict = field(), field(), field()
  results[i] = redis.call('ZREM', P .. 'pairs:' .. task, pair)
  if results[i] == 1 then
    parts[name] = addTo(parts[name] or {}, cjson.decode(cell))
    if mismatch ~= '' then redis.call('XADD', P .. 'mismatches', 'MAXLEN', ARGV[1], '*', 'mismatch', mismatch) end
    if replay ~= '' then
      redis.call('HINCRBY', P .. 'replay:' .. replay, verdict, 1)
      redis.call('EXPIRE', P .. 'replay:' .. replay, 86400)
    end
  end
end
if next(parts) then aggregate(parts) end
return results
