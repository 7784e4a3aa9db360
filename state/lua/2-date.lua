
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

-- keys: of the date, as every step has them: date, history, outbox, due, leases, steps. text: "2021-11-17". lessee:
-- whose step this is, for leases; "" is nobody's. Records and groups are parsed when they are asked for.
local function load(keys, def, text, lessee)
    local flat, raw = ask('HGETALL', keys[1]), {}
    for i = 1, #flat, 2 do raw[flat[i]] = flat[i + 1] end
    local date = {key = keys[1], history = keys[2], outbox = keys[3], due = keys[4], leases = keys[5], steps = keys[6],
                  def = def, text = text, lessee = lessee, raw = raw, records = {}, groups = {},
                  changed = {}, entries = {}, out = {}}
    date.run = parse_field(date, '.run', ORDINAL) or 1
    date.since = parse_field(date, '.since', WHOLE)
    date.no_games = parse_field(date, '.no_games', WHOLE)
    date.stale = parse_field(date, '.stale', STALE)
    date.stall = parse_field(date, '.stall', STALL)
    return date
end

local function record_of(date, name)
    local record = date.records[name]
    if record == nil then
        record = parse_field(date, name, RECORD) or false
        date.records[name] = record
    end
    return record
end

local function group_of(date, number)
    local group = date.groups[number]
    if group == nil then
        group = parse_field(date, '.g' .. number, GROUP) or false
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

-- text: nil removes the field.
local function set(date, field, text)
    if date.raw[field] == text then return end
    local changed = date.changed
    if not changed[field] then
        changed[field] = true
        changed[#changed + 1] = field
    end
    date.raw[field] = text
end

-- name: of a field that is a time, and of what the date has it as; at: nil when there is none any more.
local function set_time(date, name, at)
    date[name] = at
    set(date, '.' .. name, at and whole(at))
end

local function set_group(date, number, group)
    date.groups[number] = group or false
    set(date, '.g' .. number, group and format_group(group))
end

-- The trigger goes into the outbox. A live one is leased in this same step to the replica that decides it; a backfill one
-- first needs a slot.
local function put_into_outbox(date, field, facts, tag)
    date.out[#date.out + 1] = {field = field, facts = facts, leased = date.lessee ~= '' and tag == 'l'}
end

-- It leaves the outbox, and its lease with it.
local function take_out(date, field)
    date.out[#date.out + 1] = {field = field}
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

-- ---- the end of a step --------------------------------------------------------------------------------------------

local HISTORY_MAX = 256 -- entries of one date

-- Each step that changes a month is counted in its slot, before it writes anything else: there and nowhere else can be seen
-- whether that slot has forgotten any. Each replica has a lane, so that it knows what it has counted itself.
local function count_step(date, lane)
    local steps = redis.pcall('HINCRBY', date.steps, lane, 1)
    if type(steps) == 'table' then
        ask('HLEN', date.steps)
        broken(date.steps, lane, WHOLE[1], redis.call('HGET', date.steps, lane) or '')
    end
    return steps
end

local function write_due(date)
    local day = string.sub(date.text, -2)
    if date.due_at then
        redis.call('ZADD', date.due, whole(date.due_at), day)
    else
        redis.call('ZREM', date.due, day)
    end
end

local function write_out(date)
    for _, entry in ipairs(date.out) do
        if entry.facts then
            redis.call('HSET', date.outbox, entry.field, entry.facts)
            if entry.leased then write_lease(date.leases, entry.field, date.lessee) end
        else
            redis.call('HDEL', date.outbox, entry.field)
            redis.call('HDEL', date.leases, entry.field)
        end
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
    local texts, gone = {}, {}
    for _, field in ipairs(date.changed) do
        local text = date.raw[field]
        if text then
            texts[#texts + 1] = field
            texts[#texts + 1] = text
        else
            gone[#gone + 1] = field
        end
    end
    if #texts > 0 then redis.call('HSET', date.key, unpack(texts)) end
    if #gone > 0 then redis.call('HDEL', date.key, unpack(gone)) end
end

-- Writes what the step has changed, and returns the lane's count of steps. The types of what will be written are asked for
-- first: a server that is out of memory, or cannot write to its disk, refuses a function before it begins, and nothing
-- else can fail.
local function commit(date, lane)
    local is_due, has_entries, has_out = date.due_at ~= nil, date.folded or #date.entries > 0, #date.out > 0
    if is_due then ask('ZCARD', date.due) end
    if has_entries then ask('LLEN', date.history) end
    if has_out then
        ask('HLEN', date.outbox)
        ask('HLEN', date.leases)
    end
    local steps = count_step(date, lane)
    if is_due then write_due(date) end
    if has_out then write_out(date) end
    if has_entries then write_history(date) end
    if #date.changed > 0 then write_fields(date) end
    return steps
end
