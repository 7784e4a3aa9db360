
-- ---- epoch: a number that only grows, so that a store that went back in time shows --------------------------------

local REPLICA_KEPT = 86400000 -- ms that a replica's own count is kept after its last raise
local FORMER_MAX = 8          -- identities of the past that are known

-- A replica's own count: "count at".
local function parse_own(text)
    local count, at = string.match(text or '', '^(%d+) (%d+)$')
    return tonumber(count), tonumber(at)
end

local function is_former(epoch, identity)
    return string.find(' ' .. (epoch.former or '') .. ' ', ' ' .. identity .. ' ', 1, true) ~= nil
end

-- What the store must have forgotten, given what a replica remembers of it: 'empty', 'older', 'other'; nil for nothing.
-- Another replica may have raised the value past the remembered one, but never this one's own count.
local function forgotten(epoch, mine)
    if mine.identity == '' then return nil end
    if not epoch.identity then return 'empty' end
    if epoch.identity ~= mine.identity then return not is_former(epoch, mine.identity) and 'other' or nil end
    if epoch.value < mine.value then return 'older' end
    local own = parse_own(epoch.own)
    local lost_own = mine.own > 0 and mine.at > epoch.now - REPLICA_KEPT and (own or 0) < mine.own
    return lost_own and 'older' or nil
end

local function forget_old_replicas(key, now)
    local fields = redis.call('HGETALL', key)
    for i = 1, #fields, 2 do
        local _, at = parse_own(fields[i + 1])
        if string.sub(fields[i], 1, 3) == 'by:' and at and at < now - REPLICA_KEPT then
            redis.call('HDEL', key, fields[i])
        end
    end
end

-- A store that forgot goes on under a new identity, and knows those that it replaces: so every other replica that
-- remembers one of them learns that this was noticed, and does not take it for a second loss.
local function begin_anew(key, epoch, mine, fresh)
    local names = split((epoch.former or '') .. ' ' .. (epoch.identity or '') .. ' ' .. mine.identity, '%S+')
    while #names > FORMER_MAX do table.remove(names, 1) end
    epoch.identity, epoch.value = fresh, math.max(epoch.value, mine.value)
    redis.call('HSET', key, 'identity', fresh, 'made', whole(epoch.now), 'former', table.concat(names, ' '))
    epoch.made = epoch.now
end

-- "older 1764502927104 1764502928000 1764502926000": what, when the old state was last seen, when that was noticed,
-- since when messages have to be received again (0: from the first there is). The first loss that is not settled stays.
local function note_lost(key, epoch, mine, what)
    local complete = what == 'older' and epoch.seen or 0
    local before = redis.call('HGET', key, 'lost')
    if before then
        local words = split(before, '%S+')
        words[1] = complete == 0 and what or words[1]
        words[4] = whole(math.min(tonumber(words[4]), complete))
        redis.call('HSET', key, 'lost', table.concat(words, ' '))
    else
        redis.call('HSET', key, 'lost', table.concat({what, whole(mine.at), whole(epoch.now), whole(complete)}, ' '))
    end
end

-- KEYS: epoch. ARGV: now, an identity for a store that has none, the replica, then what it remembers: identity ("":
-- nothing), the highest value, its own count, when it last raised. Raises the epoch by one. Returns value, identity, own
-- count, when the identity was made, what was found to be forgotten just now ("" for nothing), `lost` as it stands, the
-- rebuild under way ("" for none).
local function raise_epoch(keys, argv)
    local key, now = keys[1], tonumber(argv[1])
    local mine = {identity = argv[4], value = tonumber(argv[5]), own = tonumber(argv[6]), at = tonumber(argv[7])}
    local mine_field = 'by:' .. argv[3]
    local found = redis.call('HMGET', key, 'value', 'identity', 'made', 'seen', 'former', mine_field)
    local epoch = {now = now, value = tonumber(found[1] or 0), identity = found[2], made = tonumber(found[3] or now),
                   seen = tonumber(found[4] or 0), former = found[5] or nil, own = found[6]}
    local what = forgotten(epoch, mine)
    if what then note_lost(key, epoch, mine, what) end
    if what or not epoch.identity then begin_anew(key, epoch, mine, argv[2]) end
    if not epoch.own then forget_old_replicas(key, now) end
    local own = math.max(parse_own(epoch.own) or 0, mine.identity == epoch.identity and mine.own or 0) + 1
    local value = epoch.value + 1
    redis.call('HSET', key, 'value', whole(value), 'seen', whole(now), mine_field, whole(own) .. ' ' .. whole(now))
    local rest = redis.call('HMGET', key, 'lost', 'rebuild')
    return {value, epoch.identity, own, epoch.made, what or '', rest[1] or '', rest[2] or ''}
end

-- KEYS: epoch. An operator has settled a loss. Returns 1 when there was one.
local function settle_epoch(keys)
    return redis.call('HDEL', keys[1], 'lost')
end

redis.register_function('pg_epoch', raise_epoch)
redis.register_function {function_name = 'pg_epoch_settle', callback = settle_epoch, flags = {'allow-oom'}}
