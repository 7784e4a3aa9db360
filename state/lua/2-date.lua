
-- ---- one date, and one step of it ---------------------------------------------------------------------------------
--
-- A step reads the date as a whole, changes it in memory, and writes at its end, by commit.

-- A field's value, parsed; nil when it is not there.
local function parse_field(date, field, form)
    local text = date.raw[field]
    if not text then return nil end
    local value = form[2](text)
    if value == nil then broken(date.key, field, form[1], text) end
    return value
end

-- A month, as a call of a function meets it: what its steps change in the month's keys is written once, at the end of
-- the call. pipeline: its name, nil where nobody asks. lessee: whose steps these are, for leases; "" is nobody's. lane:
-- in which they are counted.
local function month_of(pipeline, outbox, due, leases, steps, lessee, lane)
    return {pipeline = pipeline, outbox = outbox, due = due, leases = leases, steps = steps, lessee = lessee,
            lane = lane, due_at = {}, out = {}, taken = {}}
end

-- text: "2021-11-17". Records and groups are parsed when they are asked for.
local function load_date(month, key, history, def, text)
    local flat, raw = ask('HGETALL', key), {}
    local size = #flat
    for i = 1, size, 2 do raw[flat[i]] = flat[i + 1] end
    local date = {key = key, history = history, month = month, def = def, text = text, raw = raw, records = {},
                  groups = {}, texts = {}, text_count = 0, gone = {}, entries = {}, out = {}, run = 1,
                  is_new = size == 0}
    if size == 0 then return date end
    date.run = parse_field(date, '.run', ORDINAL) or 1
    date.since = parse_field(date, '.since', WHOLE)
    date.no_games = parse_field(date, '.no_games', WHOLE)
    date.stale = parse_field(date, '.stale', STALE)
    date.stall = parse_field(date, '.stall', STALL)
    return date
end

-- For the functions that step one date: keys are those of a date (date, history, outbox, due, leases, steps), and the
-- lane is the last argument.
local function load(keys, argv, def, text, lessee)
    local month = month_of(nil, keys[3], keys[4], keys[5], keys[6], lessee, argv[#argv])
    return load_date(month, keys[1], keys[2], def, text)
end

local function record_of(date, name)
    local record = date.records[name]
    if record == nil then
        record = parse_field(date, name, RECORD) or false
        date.records[name] = record
    end
    return record
end

-- Names of fields are kept: to put them together takes longer.
local group_fields, group_correlations = {}, {}

local function group_field(number)
    local field = group_fields[number]
    if not field then
        field = '.g' .. number
        group_fields[number] = field
    end
    return field
end

local function group_correlation(number)
    local field = group_correlations[number]
    if not field then
        field = group_field(number) .. '.c'
        group_correlations[number] = field
    end
    return field
end

local function group_of(date, number)
    local group = date.groups[number]
    if group == nil then
        group = parse_field(date, group_field(number), GROUP) or false
        date.groups[number] = group
    end
    return group
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

-- ---- what a step changes ------------------------------------------------------------------------------------------

-- text: nil removes the field. Of a field that is set more than once the last text stays, as HSET takes them.
local function set(date, field, text)
    local raw = date.raw
    if raw[field] == text then return end
    raw[field] = text
    if not text then
        date.gone[#date.gone + 1] = field
        return
    end
    local texts, count = date.texts, date.text_count
    texts[count + 1], texts[count + 2], date.text_count = field, text, count + 2
end

-- name: of a field that is a time, and of what the date has it as; at: nil when there is none any more.
local function set_time(date, name, at)
    date[name] = at
    set(date, '.' .. name, at and whole(at))
end

local function set_group(date, number, group)
    date.groups[number] = group or false
    set(date, group_field(number), group and format_group(group))
end

-- The trigger goes into the outbox. A live one is leased in this same step to the replica that decides it; a backfill one
-- first needs a slot.
local function put_into_outbox(date, field, facts, tag)
    date.out[#date.out + 1] = {field = field, facts = facts, leased = date.month.lessee ~= '' and tag == 'l'}
end

-- It leaves the outbox, and its lease with it.
local function take_out(date, field)
    date.out[#date.out + 1] = {field = field}
end

-- ---- correlation ids ----------------------------------------------------------------------------------------------

-- One run of a pipeline has one, which its completions carry and hand on to the triggers. So a date keeps that of its first
-- completion in ".c", and who has another one, or none (""), has a field of his own.

-- own: the field of a processor or a group.
local function correlation_in(date, own)
    local raw = date.raw
    return raw[own] or raw['.c'] or ''
end

local function set_correlation(date, own, correlation)
    if date.is_new and correlation ~= '' then set(date, '.c', correlation) end
    set(date, own, correlation ~= (date.raw['.c'] or '') and correlation or nil)
end

-- An entry of the history: what is no longer current.
local function remember(date, ...)
    date.entries[#date.entries + 1] = table.concat({...}, '\t')
end

-- ---- leases: which replica publishes an entry of the outbox --------------------------------------------------------

-- By the server's clock, which is one for all replicas.
local function server_ms()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- lessee: "host-71-5e1f 30000", a replica and how long its leases are (ms). A lease of it that begins now.
local function new_lease(lessee)
    local replica, length = string.match(lessee, '^(%S+) (%d+)$')
    return replica .. ' ' .. whole(server_ms() + tonumber(length))
end

-- "host-71-5e1f 1764502957104": the replica, and until when. One that cannot be read is nobody's: nil.
local function parse_lease(text)
    local replica, ends = string.match(text, '^(%S+) (%d+)$')
    return replica and {replica = replica, ends = tonumber(ends)}
end

-- ---- the end of a step --------------------------------------------------------------------------------------------

local HISTORY_MAX = 256 -- entries of one date

-- Each call that changes a month is counted in its slot, before it writes anything else: there and nowhere else can be
-- seen whether that slot has forgotten any. Each replica has a lane, so that it knows what it has counted itself.
local function count_call(month)
    if month.count then return end
    local count = redis.pcall('HINCRBY', month.steps, month.lane, 1)
    if type(count) == 'table' then
        ask('HLEN', month.steps)
        broken(month.steps, month.lane, WHOLE[1], redis.call('HGET', month.steps, month.lane) or '')
    end
    month.count = count
end

-- The types of what a step will write are asked for first: a server that is out of memory, or cannot write to its disk,
-- refuses a function before it begins, and nothing else can fail.
local function check_month(month, is_due, has_out)
    if is_due and not month.due_checked then
        ask('ZCARD', month.due)
        month.due_checked = true
    end
    if has_out and not month.out_checked then
        ask('HLEN', month.outbox)
        ask('HLEN', month.leases)
        month.out_checked = true
    end
end

-- Of a field that is put and taken out, in whichever order, the last one counts.
local function note_out(month, date)
    for _, entry in ipairs(date.out) do
        local field, is_taken = entry.field, not entry.facts
        month.out[field], month.taken[field] = not is_taken and entry or nil, is_taken or nil
        if is_taken then month.taken[#month.taken + 1] = field end
    end
end

local function write_history(date)
    if date.folded then redis.call('LSET', date.history, 0, date.folded) end
    if #date.entries == 0 then return end
    local count = redis.call('LPUSH', date.history, unpack(date.entries))
    if count > HISTORY_MAX then
        redis.call('LTRIM', date.history, 0, HISTORY_MAX - 1)
        set(date, '.dropped', whole((parse_whole(date.raw['.dropped'] or '') or 0) + count - HISTORY_MAX))
    end
end

local function write_fields(date)
    if date.text_count > 0 then redis.call('HSET', date.key, unpack(date.texts, 1, date.text_count)) end
    for _, field in ipairs(date.gone) do
        if not date.raw[field] then redis.call('HDEL', date.key, field) end
    end
end

-- Writes what the steps of a date have changed in it, and notes what they change in the month.
local function commit_date(date)
    local month, is_due, has_entries = date.month, date.due_at ~= nil, date.folded or #date.entries > 0
    check_month(month, is_due, #date.out > 0)
    if has_entries then ask('LLEN', date.history) end
    count_call(month)
    if is_due then month.due_at[string.sub(date.text, -2)] = date.due_at end
    note_out(month, date)
    if has_entries then write_history(date) end
    write_fields(date)
end

local function write_due(month)
    local due, not_due = {}, {}
    for day, at in pairs(month.due_at) do
        if at then
            due[#due + 1] = whole(at)
            due[#due + 1] = day
        else
            not_due[#not_due + 1] = day
        end
    end
    if #due > 0 then redis.call('ZADD', month.due, unpack(due)) end
    if #not_due > 0 then redis.call('ZREM', month.due, unpack(not_due)) end
end

local function write_out(month)
    local put, leased, lease = {}, {}, nil
    if #month.taken > 0 then
        redis.call('HDEL', month.outbox, unpack(month.taken))
        redis.call('HDEL', month.leases, unpack(month.taken))
    end
    for field, entry in pairs(month.out) do
        put[#put + 1] = field
        put[#put + 1] = entry.facts
        if entry.leased then
            lease = lease or new_lease(month.lessee)
            leased[#leased + 1] = field
            leased[#leased + 1] = lease
        end
    end
    if #put > 0 then redis.call('HSET', month.outbox, unpack(put)) end
    if #leased > 0 then redis.call('HSET', month.leases, unpack(leased)) end
end

local function commit_month(month)
    if month.due_checked then write_due(month) end
    if month.out_checked then write_out(month) end
end

-- The end of a function that steps one date.
local function commit(date)
    commit_date(date)
    commit_month(date.month)
end
