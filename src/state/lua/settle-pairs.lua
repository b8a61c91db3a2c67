--[[ Writes down what pairs came to: each pair once, whoever asks how often.
ARGV   most mismatches kept, n, n rows of: task, pair, field, cell, mismatch as JSON or '',
       the replay that it belongs to or '', matched | mismatched | dropped
returns for each 1 | 0: somebody else has settled it
]]
local results, settled, field = {}, {}, fieldsOf(ARGV[3])
local cells, times = {}, {}
for i = 1, tonumber(ARGV[2]) do
  local task, pair, name, cell = field(), field(), field(), field()
  local row = { pair = pair, mismatch = field(), replay = field(), verdict = field() }
  -- Once a pair is taken out nothing may end this script before it is counted: not a set that somebody has overwritten.
  results[i] = redis.pcall('ZREM', P .. 'pairs:' .. task, pair) == 1 and 1 or 0
  if results[i] == 1 then
    settled[#settled + 1] = row
    -- Most pairs of a batch came to the same.
    local text = name .. ',' .. cell
    if not times[text] then cells[#cells + 1] = text end
    times[text] = (times[text] or 0) + 1
  end
end
if #settled == 0 then return results end
for i, text in ipairs(cells) do cells[i] = '[' .. text .. ',' .. times[text] .. ']' end
local copy = string.match(settled[1].pair, '^%S+ %S+ (%S+)') or settled[1].pair
count('pairs:' .. copy, '[' .. table.concat(cells, ',') .. ']')
for _, row in ipairs(settled) do
  if row.mismatch ~= '' then
    redis.call('XADD', P .. 'mismatches', 'MAXLEN', ARGV[1], '*', 'mismatch', row.mismatch)
  end
  if row.replay ~= '' then
    redis.call('HINCRBY', P .. 'replay:' .. row.replay, row.verdict, 1)
    redis.call('EXPIRE', P .. 'replay:' .. row.replay, 86400)
  end
end
return results
