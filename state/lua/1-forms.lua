#!lua name=phasegate
--
-- Every change of phasegate's state. Redis runs each function as one atomic step; the C client (store.c) only calls
-- them. The keys, their fields and the forms of their values are described in state/README.md.
--
-- Nothing here knows a processor's name: the definition of the pipeline travels with each call. The library is the
-- files of this folder one behind the other.

local VERSION = 2 -- grows with every change of a key's form or of a function's arguments; library.h has the same

local function whole(number)
    return string.format('%.0f', number)
end

local function split(text, pattern)
    local parts = {}
    for part in string.gmatch(text, pattern) do parts[#parts + 1] = part end
    return parts
end

-- ---- what is not in its form ---------------------------------------------------------------------------------------

-- A call that fails ends a function, and what was written before it stays. So a function first looks whether all that it
-- may meet has its type and its form, and ends here when it has not: done as a whole, or not at all.

local function broken(key, field, what, text)
    error({err = string.format('BROKEN key %s, field %s is no %s: "%s"; mend it, or remove it with HDEL', key, field,
                               what, string.gsub(string.sub(text, 1, 80), '%c', ' '))})
end

-- The types are asked for by a command that fails on every other one: a key that is not there has any type.
local DATE_PROBES = {'HLEN', 'LLEN', 'HLEN', 'ZCARD', 'HLEN', 'HLEN'} -- date, history, outbox, due, leases, steps

local function check_types(keys, probes)
    for i = 1, #keys do
        local answer = redis.pcall(probes[i], keys[i])
        if type(answer) == 'table' then error({err = answer.err .. ', which is ' .. keys[i]}) end
    end
end

-- Adds to a counter that is there for people. One that somebody has spoiled begins anew: it is no reason to stop halfway.
local function count_up(key, field, number)
    if type(redis.pcall('HINCRBY', key, field, number)) == 'table' then redis.call('HSET', key, field, number) end
end

-- Of a number: more are not exact any more, and no time (13, in ms) and no count of rows has as many.
local DIGITS_MAX = 15

local function is_whole(text)
    return #text <= DIGITS_MAX and string.find(text, '^%d+$')
end

-- A number that counts from 1: a run, a group; C reads it as an int.
local ORDINAL_DIGITS_MAX = 9

local function is_ordinal(text)
    return #text <= ORDINAL_DIGITS_MAX and string.find(text, '^[1-9]%d*$')
end

-- ---- values and their forms in the hash ---------------------------------------------------------------------------

-- The statuses, the worst first.
local STATUS_RANK = {failed = 0, skipped = 1, no_data = 2, partial = 3, success = 4}

-- "+ success 241 0 1764502927104 1764502928000 b 1". Run 0: upstream, or premature, which belongs to no run.
local function is_record(text)
    local status, count, failed, at, arrived, run =
        string.match(text, '^[-+~] (%l[%l_]*) ([%d?]%d*) (%d+) %-?(%d+) (%d+) [bl] (%d+)$')
    return status and STATUS_RANK[status] and #count <= DIGITS_MAX and #failed <= DIGITS_MAX and #at <= DIGITS_MAX
        and #arrived <= DIGITS_MAX and #run <= ORDINAL_DIGITS_MAX and (count == '?' or not string.find(count, '?', 1, true))
end

local function parse_record(text)
    local mark, status, count, _, at, arrived, tag, run =
        string.match(text, '^(%S) (%S+) (%S+) (%S+) (%S+) (%S+) (%S) (%d+)$')
    return {satisfies = mark == '+', set_aside = mark == '~', status = status, count = count, at = tonumber(at),
            arrived = tonumber(arrived), tag = tag, run = tonumber(run), text = text}
end

local function format_record(event, run, now)
    return table.concat({event.satisfies and '+' or '-', event.status, event.count, event.failed, whole(event.at),
                         whole(now), event.tag, run}, ' ')
end

-- The times that a group has in each phase, besides when it became ready.
local PHASES = {ready = {}, triggered = {triggered = true}, done = {ended = true}, failed = {ended = true},
                cancelled = {ended = true}}

local function is_offset(text, wanted)
    if text == '-' then return not wanted end
    return #text <= DIGITS_MAX and string.find(text, '^[-+]%d+$')
end

-- "triggered 1 1764502927104 +350 - b 9188"
local function is_group(text)
    local phase, run, ready, triggered, ended = string.match(text, '^(%l+) ([1-9]%d*) (%d+) (%S+) (%S+) [bl] .')
    local has = phase and PHASES[phase]
    return has and #run <= ORDINAL_DIGITS_MAX and #ready <= DIGITS_MAX and is_offset(triggered, has.triggered)
        and is_offset(ended, has.ended)
end

local function parse_group(text)
    local phase, run, ready, triggered, ended, tag, message =
        string.match(text, '^(%S+) (%d+) (%S+) (%S+) (%S+) (%S) (.+)$')
    return {phase = phase, run = tonumber(run), ready = tonumber(ready), triggered = triggered, ended = ended,
            tag = tag, message = message}
end

local function format_group(group)
    return table.concat({group.phase, group.run, whole(group.ready), group.triggered, group.ended, group.tag,
                         group.message}, ' ')
end

-- A time of a group as it is kept, relative to when it became ready; and back.
local function since_ready(group, now)
    return string.format('%+.0f', now - group.ready)
end

local function time_of(group, offset)
    return group.ready + tonumber(offset)
end

-- "1 1764502927104 1764503527104 pgs"
local function is_stale(text)
    local first, since, due = string.match(text, '^([1-9]%d*) (%d+) (%d+) %S+$')
    return first and #first <= ORDINAL_DIGITS_MAX and #since <= DIGITS_MAX and #due <= DIGITS_MAX
end

local function parse_stale(text)
    local first, since, due, name = string.match(text, '^(%d+) (%d+) (%d+) (%S+)$')
    return {first = tonumber(first), since = tonumber(since), due = tonumber(due), name = name}
end

-- "2 1 1764502927104"
local function is_stall(text)
    local number, times, at = string.match(text, '^([1-9]%d*) (%d+) (%d+)$')
    return number and #number <= ORDINAL_DIGITS_MAX and #times <= ORDINAL_DIGITS_MAX and #at <= DIGITS_MAX
end

local function parse_stall(text)
    local number, times, at = string.match(text, '^(%d+) (%d+) (%d+)$')
    return {number = tonumber(number), times = tonumber(times), at = tonumber(at)}
end

-- What each value has to be, and whether it is: everything that is read of a date is looked at before it is used.
local ORDINAL, WHOLE = {'number from 1 on', is_ordinal}, {'whole number', is_whole}
local RECORD, GROUP = {'completion', is_record}, {'group', is_group}
local STALE, STALL = {'re-run', is_stale}, {'stall', is_stall}

-- A date's values are read with each of its events, and seldom change: those that were looked at are known.
local KNOWN_MAX = 4096
local known, known_count = {}, 0

local function check_form(key, field, form, text)
    if known[text] == form then return end
    if not form[2](text) then broken(key, field, form[1], text) end
    if known_count >= KNOWN_MAX then known, known_count = {}, 0 end
    known[text], known_count = form, known_count + 1
end

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

-- "pgs,upgc;tdza,psza<pgs,upgc;pcf<tdza;@600000,0,0,0": upstream, each group's members and needs, the policy.
local function parse_definition(text)
    local def = {upstream = {}, groups = {}, group_of = {},
                 fields = {'.run', '.no_games', '.since', '.stale', '.stall'},
                 forms = {ORDINAL, WHOLE, WHOLE, STALE, STALL}}
    local names = {}
    for section in string.gmatch(text, '[^;]+') do
        local members, needs = string.match(section, '^([^<]*)<(.*)$')
        local mine = {}
        if members then
            mine = split(members, '[^,]+')
            local group = {members = mine, needs = split(needs, '[^,]+')}
            group.rests = rests_on(group, def.groups[#def.groups])
            def.groups[#def.groups + 1] = group
            for _, name in ipairs(mine) do def.group_of[name] = #def.groups end
            def.fields[#def.fields + 1] = '.g' .. #def.groups
            def.forms[#def.fields] = GROUP
        elseif string.sub(section, 1, 1) == '@' then
            def.policy = parse_policy(section)
        else
            mine = split(section, '[^,]+')
            def.upstream = mine
        end
        for _, name in ipairs(mine) do names[#names + 1] = name end
    end
    for _, name in ipairs(names) do
        def.fields[#def.fields + 1] = name
        def.forms[#def.fields] = RECORD
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

-- ---- steps --------------------------------------------------------------------------------------------------------

-- Each step that changes a month is counted in its slot, before it writes anything else: there and nowhere else can be seen
-- whether that slot has forgotten any. argv ends in the caller's lane, so that each replica knows what it has counted itself.
local function count_step(keys, argv)
    local lane = argv[#argv]
    local steps = redis.pcall('HINCRBY', keys[6], lane, 1)
    if type(steps) == 'table' then broken(keys[6], lane, WHOLE[1], redis.call('HGET', keys[6], lane) or '') end
    return steps
end

-- ---- one date -----------------------------------------------------------------------------------------------------

-- What the date holds, its records and groups parsed on demand: those that an event does not touch cost little.
-- text: "2021-11-17". lessee: whose step this is, for leases; "" is nobody's. extra: one more field to read.
local function load(keys, def, text, lessee, extra)
    check_types(keys, DATE_PROBES)
    local fields, forms = def.fields, def.forms
    local count = #fields
    fields[count + 1] = extra
    local values = redis.call('HMGET', keys[1], unpack(fields))
    fields[count + 1] = nil
    local raw = {}
    for i = 1, count do
        local value, form = values[i], forms[i]
        if value then check_form(keys[1], fields[i], form, value) end
        raw[fields[i]] = value
    end
    return {key = keys[1], history = keys[2], outbox = keys[3], due = keys[4], leases = keys[5], def = def,
            text = text, raw = raw, lessee = lessee, records = {}, groups = {}, run = tonumber(raw['.run'] or 1),
            extra = values[count + 1],
            stale = raw['.stale'] and parse_stale(raw['.stale']), stall = raw['.stall'] and parse_stall(raw['.stall'])}
end

local function record_of(date, name)
    local record = date.records[name]
    if record == nil then
        local text = date.raw[name]
        record = text and parse_record(text) or false
        date.records[name] = record
    end
    return record
end

local function group_of(date, number)
    local group = date.groups[number]
    if group == nil then
        local text = date.raw['.g' .. number]
        group = text and parse_group(text) or false
        date.groups[number] = group
    end
    return group
end

local function write_group(date, number, group)
    redis.call('HSET', date.key, '.g' .. number, format_group(group))
end

-- The last group that has started, and its number; 0 when none has.
local function last_started(date)
    local number = 0
    while group_of(date, number + 1) do number = number + 1 end
    return number, number > 0 and group_of(date, number) or nil
end

local function outbox_field(date, number, run)
    return string.format('%s/g%d/r%d', date.text, number, run)
end

-- ---- leases: which replica publishes an entry of the outbox --------------------------------------------------------

-- By the server's clock, which is one for all replicas.
local function server_ms()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- lessee: "host-71-5e1f 30000", a replica and how long its leases are (ms).
local function write_lease(leases, field, lessee)
    local replica, length = string.match(lessee, '^(%S+) (%d+)$')
    redis.call('HSET', leases, field, replica .. ' ' .. whole(server_ms() + tonumber(length)))
end

-- "host-71-5e1f 1764502957104": the replica, and until when. One that cannot be read is nobody's: nil.
local function parse_lease(text)
    local replica, ends = string.match(text, '^(%S+) (%d+)$')
    return replica and {replica = replica, ends = tonumber(ends)}
end

-- An entry leaves the outbox, and its lease with it. Returns 1 when it was there.
local function take_out(outbox, leases, field)
    redis.call('HDEL', leases, field)
    return redis.call('HDEL', outbox, field)
end
