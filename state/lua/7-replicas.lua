
do -- its own names: Lua has room for 200 in one block
-- ---- leases -------------------------------------------------------------------------------------------------------

local GONE, THEIRS, OURS, TAKEN_OVER = 0, 1, 2, 3 -- the first three in the order of enum leasing

local function lease_of(leases, field)
    local text = redis.call('HGET', leases, field)
    return text and parse_lease(text)
end

-- KEYS: outbox, leases. ARGV: outbox field, lessee. Leases the entry, for the first time or further, unless another
-- replica's lease still runs.
local function lease(keys, argv)
    local field, lessee = argv[1], argv[2]
    if redis.call('HEXISTS', keys[1], field) == 0 then return GONE end
    local before = lease_of(keys[2], field)
    local is_ours = before and before.replica == string.match(lessee, '^%S+')
    if before and not is_ours and before.ends > server_ms() then return THEIRS end
    redis.call('HSET', keys[2], field, new_lease(lessee))
    return before and not is_ours and TAKEN_OVER or OURS
end

-- KEYS: leases. ARGV: outbox field, replica. Gives a lease back, so that any replica may be next; 1 when it had one.
local function unlease(keys, argv)
    local before = lease_of(keys[1], argv[1])
    if not before or before.replica ~= argv[2] then return 0 end
    return redis.call('HDEL', keys[1], argv[1])
end

-- KEYS: outbox, leases. ARGV: replica, "" for all entries. Returns fields and facts of the entries that this replica
-- may publish: those of others' leases left out.
local function open_entries(keys, argv)
    local replica, now = argv[1], server_ms()
    local entries = redis.call('HGETALL', keys[1])
    if replica == '' or #entries == 0 then return entries end
    local theirs = {}
    local leases = redis.call('HGETALL', keys[2])
    for i = 1, #leases, 2 do
        local other = parse_lease(leases[i + 1])
        theirs[leases[i]] = other and other.replica ~= replica and other.ends > now
    end
    local open = {}
    for i = 1, #entries, 2 do
        if not theirs[entries[i]] then
            open[#open + 1] = entries[i]
            open[#open + 1] = entries[i + 1]
        end
    end
    return open
end

-- ---- replicas -----------------------------------------------------------------------------------------------------

local REPLICAS_MAX = 256

-- "1764502957104 {...}": when it was last heard (ms), and what it said.
local function heard_at(text)
    return tonumber(string.match(text, '^%d+'))
end

-- KEYS: replicas. ARGV: replica, now, what it says of itself, and how long (ms) a silent one is remembered.
local function heartbeat(keys, argv)
    local now, remembered = tonumber(argv[2]), tonumber(argv[4])
    redis.call('HSET', keys[1], argv[1], argv[2] .. ' ' .. argv[3])
    local known, count, oldest = redis.call('HGETALL', keys[1]), 0, nil
    for i = 1, #known, 2 do
        local at = heard_at(known[i + 1])
        if not at or now - at > remembered then
            redis.call('HDEL', keys[1], known[i])
        else
            count = count + 1
            if not oldest or at < heard_at(oldest[2]) then oldest = {known[i], known[i + 1]} end
        end
    end
    if count > REPLICAS_MAX then redis.call('HDEL', keys[1], oldest[1]) end
    return count
end

-- ---- their names --------------------------------------------------------------------------------------------------

redis.register_function {function_name = 'pg_open_entries', callback = open_entries, flags = {'no-writes'}}
redis.register_function('pg_lease', lease)
redis.register_function('pg_unlease', unlease)
redis.register_function('pg_heartbeat', heartbeat)

end
