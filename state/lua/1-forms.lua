#!lua name=phasegate
--
-- Every change of phasegate's state. Redis runs each function as one atomic step; the C client (store.c) only calls
-- them. The keys, their fields and the forms of their values are described in state/README.md.
--
-- Nothing here knows a processor's name: the definition of the pipeline travels with each call. The library is the
-- files of this folder one behind the other.

local VERSION = 4 -- grows with every change of a key's form or of a function's arguments; library.h has the same

-- A whole number's text. Runs and groups are small and come with each event, so theirs are kept.
local SMALL_MAX = 99
local small_texts = {}

local function whole(number)
    local text = small_texts[number]
    if not text then
        text = string.format('%d', number)
        if number >= 0 and number <= SMALL_MAX then small_texts[number] = text end
    end
    return text
end

local function split(text, pattern)
    local parts = {}
    for part in string.gmatch(text, pattern) do parts[#parts + 1] = part end
    return parts
end

-- ---- what is not in its form ---------------------------------------------------------------------------------------

-- A call that fails ends a function, and what was written before it stays. So a function looks whether what it meets has
-- its type and its form before it writes, and ends here when it has not: done as a whole, or not at all.

local function broken(key, field, what, text)
    error({err = string.format('BROKEN key %s, field %s is no %s: "%s"; mend it, or remove it with HDEL', key, field,
                               what, string.gsub(string.sub(text, 1, 80), '%c', ' '))})
end

-- A command, and the key named if it fails.
local function ask(command, key, ...)
    local answer = redis.pcall(command, key, ...)
    if type(answer) == 'table' and answer.err then error({err = answer.err .. ', which is ' .. key}) end
    return answer
end

-- The types are asked for by a command that fails on every other one: a key that is not there has any type.
local function check_types(keys, probes)
    for i = 1, #keys do ask(probes[i], keys[i]) end
end

-- Adds to a counter that is there for people. One that somebody has spoiled begins anew: it is no reason to stop halfway.
local function count_up(key, field, number)
    if type(redis.pcall('HINCRBY', key, field, number)) == 'table' then redis.call('HSET', key, field, number) end
end

-- Of a number: more are not exact any more, and no time (13, in ms) and no count of rows has as many.
local DIGITS_MAX = 15

local function is_whole(text)
    return #text <= DIGITS_MAX and string.find(text, '^%d+$') ~= nil
end

-- A number that counts from 1: a run, a group; C reads it as an int.
local ORDINAL_DIGITS_MAX = 9

local function is_ordinal(text)
    return #text <= ORDINAL_DIGITS_MAX and string.find(text, '^[1-9]%d*$') ~= nil
end

-- ---- values and their forms in the hash ---------------------------------------------------------------------------

-- What is not in its form is parsed to nil.

-- The statuses, the worst first.
local STATUS_RANK = {failed = 0, skipped = 1, no_data = 2, partial = 3, success = 4}

-- "+ success 241 0 1764502927104 1764502928000 b 1". Run 0: upstream, or premature, which belongs to no run.
local function parse_new_record(text)
    local mark, status, count, failed, at, arrived, tag, run =
        string.match(text, '^([-+~]) (%l[%l_]*) ([%d?]%d*) (%d+) (%-?%d+) (%d+) ([bl]) (%d+)$')
    if not mark or not STATUS_RANK[status] or not (count == '?' or is_whole(count)) or #failed > DIGITS_MAX
        or #at > DIGITS_MAX or #arrived > DIGITS_MAX or #run > ORDINAL_DIGITS_MAX then
        return nil
    end
    return {satisfies = mark == '+', set_aside = mark == '~', status = status, count = count, at = tonumber(at),
            arrived = tonumber(arrived), tag = tag, run = tonumber(run), text = text}
end

-- A date's records are asked for with many of its events, and seldom change: what was parsed is kept, by its text, and
-- changed by nobody.
local KEPT_RECORDS_MAX = 4096
local kept_records, kept_record_count = {}, 0

local function parse_record(text)
    local record = kept_records[text]
    if record then return record end
    record = parse_new_record(text)
    if not record then return nil end
    if kept_record_count >= KEPT_RECORDS_MAX then kept_records, kept_record_count = {}, 0 end
    kept_records[text], kept_record_count = record, kept_record_count + 1
    return record
end

-- A completion, as a function is given it: texts, "" is absent, a count of "?" unknown, SATISFIES and NO_GAMES are "0" or
-- "1".
local NOW, NAME, SATISFIES, STATUS, COUNT, FAILED, SENT, TAG, EXECUTION, CORRELATION, TRIGGER_ID, TRIGGER_MESSAGE, ERROR,
    NO_GAMES = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
local EVENT_PARTS = 14

local function format_record(event, run)
    return table.concat({event[SATISFIES] == '1' and '+' or '-', event[STATUS], event[COUNT], event[FAILED],
                         event[SENT], event[NOW], event[TAG], whole(run)}, ' ')
end

-- The times that a group has in each phase, besides when it became ready.
local PHASES = {ready = {}, triggered = {triggered = true}, done = {ended = true}, failed = {ended = true},
                cancelled = {ended = true}}

local function is_offset(text, wanted)
    if text == '-' then return not wanted end
    return #text <= DIGITS_MAX and string.find(text, '^[-+]%d+$') ~= nil
end

-- "triggered 1 1764502927104 +350 - b 9188"
local function parse_group(text)
    local phase, run, ready, triggered, ended, tag, message =
        string.match(text, '^(%l+) ([1-9]%d*) (%d+) (%S+) (%S+) ([bl]) (.+)$')
    local has = phase and PHASES[phase]
    if not has or #run > ORDINAL_DIGITS_MAX or #ready > DIGITS_MAX or not is_offset(triggered, has.triggered)
        or not is_offset(ended, has.ended) then
        return nil
    end
    return {phase = phase, run = tonumber(run), ready = tonumber(ready), triggered = triggered, ended = ended,
            tag = tag, message = message}
end

local function format_group(group)
    return table.concat({group.phase, whole(group.run), whole(group.ready), group.triggered, group.ended, group.tag,
                         group.message}, ' ')
end

-- A time of a group as it is kept, relative to when it became ready; and back.
local function since_ready(group, now)
    return string.format('%+d', now - group.ready)
end

local function time_of(group, offset)
    return group.ready + tonumber(offset)
end

-- "1 1764502927104 1764503527104 pgs"
local function parse_stale(text)
    local first, since, due, name = string.match(text, '^([1-9]%d*) (%d+) (%d+) (%S+)$')
    if not first or #first > ORDINAL_DIGITS_MAX or #since > DIGITS_MAX or #due > DIGITS_MAX then return nil end
    return {first = tonumber(first), since = tonumber(since), due = tonumber(due), name = name}
end

-- "2 1 1764502927104"
local function parse_stall(text)
    local number, times, at = string.match(text, '^([1-9]%d*) (%d+) (%d+)$')
    if not number or #number > ORDINAL_DIGITS_MAX or #times > ORDINAL_DIGITS_MAX or #at > DIGITS_MAX then return nil end
    return {number = tonumber(number), times = tonumber(times), at = tonumber(at)}
end

local function parse_whole(text)
    return is_whole(text) and tonumber(text) or nil
end

local function parse_ordinal(text)
    return is_ordinal(text) and tonumber(text) or nil
end

-- What each value is called to people, and how it is parsed.
local WHOLE, ORDINAL = {'whole number', parse_whole}, {'number from 1 on', parse_ordinal}
local RECORD, GROUP = {'completion', parse_record}, {'group', parse_group}
local STALE, STALL = {'re-run', parse_stale}, {'stall', parse_stall}

-- ---- definition ---------------------------------------------------------------------------------------------------

-- "@600000,21600000,7200000,0": settle (nil: hold), the two deadlines (0: none) and the retrigger limit; times in ms.
local function parse_policy(text)
    local settle, upstream, group, limit = string.match(text, '^@(%w+),(%d+),(%d+),(%d+)$')
    return {settle = tonumber(settle), upstream_deadline = tonumber(upstream), group_deadline = tonumber(group),
            retrigger_limit = tonumber(limit)}
end

-- What a group rests on: its needs, and, by the order of groups, the members of the one before.
local function rests_on(group, before)
    local rests = {}
    for _, name in ipairs(group.needs) do rests[name] = true end
    for _, name in ipairs(before and before.members or {}) do rests[name] = true end
    return rests
end

-- The fields of a processor beside its record.
local function add_fields(def, names)
    for _, name in ipairs(names) do
        def.executions[name], def.correlations[name], def.errors[name] = name .. '.x', name .. '.c', name .. '.e'
    end
end

-- "pgs,upgc;tdza,psza<pgs,upgc;pcf<tdza;@600000,0,0,0": upstream, each group's members and needs, the policy.
local function parse_definition(text)
    local def = {upstream = {}, groups = {}, group_of = {}, executions = {}, correlations = {}, errors = {}}
    for section in string.gmatch(text, '[^;]+') do
        local members, needs = string.match(section, '^([^<]*)<(.*)$')
        if members then
            local group = {members = split(members, '[^,]+'), needs = split(needs, '[^,]+')}
            group.rests = rests_on(group, def.groups[#def.groups])
            def.groups[#def.groups + 1] = group
            for _, name in ipairs(group.members) do def.group_of[name] = #def.groups end
            add_fields(def, group.members)
        elseif string.sub(section, 1, 1) == '@' then
            def.policy = parse_policy(section)
        else
            def.upstream = split(section, '[^,]+')
            add_fields(def, def.upstream)
        end
    end
    return def
end

-- Definitions seldom change, so what was parsed is kept; a handful of pipelines is all there is.
local definitions, definition_count = {}, 0

local function definition(text)
    local def = definitions[text]
    if not def then
        if definition_count >= 64 then definitions, definition_count = {}, 0 end
        def = parse_definition(text)
        definitions[text] = def
        definition_count = definition_count + 1
    end
    return def
end
