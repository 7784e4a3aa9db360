
do -- its own names: Lua has room for 200 in one block

-- ---- quarantine: bounded in entries, in bytes and in age; the oldest go first ---------------------------------------

local DROPS_MAX = 64 -- in one step, so that each stays short; what is over then goes with the next ones
local ENTRY_OVERHEAD = 256 -- bytes that an entry takes besides its texts, about

-- "entries", "bytes", "oldest" (ms) as three arguments from the first on.
local function limits_from(argv, first)
    return {entries = tonumber(argv[first]), bytes = tonumber(argv[first + 1]), oldest = tonumber(argv[first + 2])}
end

-- Why the oldest entry has to go: "age", "entries", "bytes"; nil when it may stay, or there is none.
local function reason_to_drop(index, counters, limits)
    local oldest = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
    if not oldest[1] then return nil end
    if tonumber(oldest[2]) < limits.oldest then return 'age', oldest[1] end
    local count = redis.call('ZCARD', index)
    if count > limits.entries then return 'entries', oldest[1] end
    local bytes = tonumber(redis.call('HGET', counters, 'quarantine_bytes') or 0) or 0
    if bytes > limits.bytes and count > 1 then return 'bytes', oldest[1] end
end

-- The bytes are a running sum; it begins anew whenever the quarantine is empty, whatever was done by hand. The entry goes
-- whatever it is.
local function remove_entry(index, counters, id)
    local entry = index .. ':' .. id
    local held = redis.pcall('HGET', entry, 'bytes')
    local bytes = type(held) == 'string' and tonumber(held) or 0
    redis.call('DEL', entry)
    local removed = redis.call('ZREM', index, id)
    if redis.call('EXISTS', index) == 0 then
        redis.call('HDEL', counters, 'quarantine_bytes')
    elseif bytes > 0 then
        count_up(counters, 'quarantine_bytes', -bytes)
    end
    return removed
end

-- Returns how many went for their age, for the number of entries and for their bytes.
local function make_room(index, counters, limits)
    local dropped = {age = 0, entries = 0, bytes = 0}
    for _ = 1, DROPS_MAX do
        local why, id = reason_to_drop(index, counters, limits)
        if not why then break end
        remove_entry(index, counters, id)
        dropped[why] = dropped[why] + 1
        count_up(counters, 'quarantine_dropped', 1)
        count_up(counters, 'quarantine_dropped_' .. why, 1)
    end
    return dropped.age, dropped.entries, dropped.bytes
end

-- KEYS: index, entry, counters.
-- ARGV: id, now, reason, topic, data, size of the whole message, attributes as JSON, the three limits.
-- Returns whether it is new, and how many went for age, entries and bytes.
local function quarantine(keys, argv)
    local index, entry, counters, id, now = keys[1], keys[2], keys[3], argv[1], argv[2]
    check_types(keys, {'ZCARD', 'HLEN', 'HLEN'})
    if redis.call('ZSCORE', index, id) then return {0, 0, 0, 0} end
    local bytes = ENTRY_OVERHEAD
    for _, text in ipairs({id, argv[3], argv[4], argv[5], argv[7]}) do bytes = bytes + #text end
    redis.call('ZADD', index, now, id)
    redis.call('HSET', entry, 'at', now, 'reason', argv[3], 'topic', argv[4], 'data', argv[5], 'size', argv[6],
        'attributes', argv[7], 'bytes', bytes)
    count_up(counters, 'quarantined', 1)
    count_up(counters, 'quarantine_bytes', bytes)
    return {1, make_room(index, counters, limits_from(argv, 8))}
end

local INDEX_PROBES = {'ZCARD', 'HLEN'} -- index, counters

-- KEYS: index, counters. ARGV: the three limits. Returns how many went for age, entries and bytes.
local function tidy_quarantine(keys, argv)
    check_types(keys, INDEX_PROBES)
    return {make_room(keys[1], keys[2], limits_from(argv, 1))}
end

-- KEYS: index, counters. ARGV: id. Returns 1 when it was there.
local function unquarantine(keys, argv)
    check_types(keys, INDEX_PROBES)
    return remove_entry(keys[1], keys[2], argv[1])
end

redis.register_function('pg_quarantine', quarantine)
redis.register_function {function_name = 'pg_tidy_quarantine', callback = tidy_quarantine, flags = {'allow-oom'}}
redis.register_function {function_name = 'pg_unquarantine', callback = unquarantine, flags = {'allow-oom'}}

end
