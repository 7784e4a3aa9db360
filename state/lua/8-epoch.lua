
do -- its own names: Lua has room for 200 in one block

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
-- since when messages have to be received again (0: from the first there is); and, where there are such, the months that
-- were lost without the rest: "2021-11,2021-12". The first loss that is not settled stays; this adds one, as words.
local function add_loss(key, seen, now, what, complete)
    local before = redis.call('HGET', key, 'lost')
    local words = before and split(before, '%S+') or {what, whole(seen), whole(now), whole(complete)}
    if words[1] == 'months' or what ~= 'months' and complete == 0 then words[1] = what end
    words[4] = whole(math.min(tonumber(words[4]), complete))
    return words
end

local function write_lost(key, words)
    redis.call('HSET', key, 'lost', table.concat(words, ' '))
end

-- Its numbers are numbers, and `lost` has its form.
local function check_epoch(key)
    local values = redis.call('HMGET', key, 'value', 'made', 'seen', 'lost')
    for i, field in ipairs({'value', 'made', 'seen'}) do
        if values[i] and not is_whole(values[i]) then broken(key, field, WHOLE[1], values[i]) end
    end
    local lost = values[4]
    if lost and not string.find(lost .. ' ', '^%S+ %d+ %d+ %d+ ') then broken(key, 'lost', 'loss', lost) end
end

-- KEYS: epoch. ARGV: now, an identity for a store that has none, the replica, then what it remembers: identity ("":
-- nothing), the highest value, its own count, when it last raised. Raises the epoch by one. Returns value, identity, own
-- count, when the identity was made, what was found to be forgotten just now ("" for nothing), `lost` as it stands, the
-- rebuild under way ("" for none).
local function raise_epoch(keys, argv)
    local key, now = keys[1], tonumber(argv[1])
    check_epoch(key)
    local mine = {identity = argv[4], value = tonumber(argv[5]), own = tonumber(argv[6]), at = tonumber(argv[7])}
    local mine_field = 'by:' .. argv[3]
    local found = redis.call('HMGET', key, 'value', 'identity', 'made', 'seen', 'former', mine_field)
    local epoch = {now = now, value = tonumber(found[1] or 0), identity = found[2], made = tonumber(found[3] or now),
                   seen = tonumber(found[4] or 0), former = found[5] or nil, own = found[6]}
    local what = forgotten(epoch, mine)
    if what then write_lost(key, add_loss(key, mine.at, now, what, what == 'older' and epoch.seen or 0)) end
    if what or not epoch.identity then begin_anew(key, epoch, mine, argv[2]) end
    if not epoch.own then forget_old_replicas(key, now) end
    local own = math.max(parse_own(epoch.own) or 0, mine.identity == epoch.identity and mine.own or 0) + 1
    local value = epoch.value + 1
    redis.call('HSET', key, 'value', whole(value), 'seen', whole(now), mine_field, whole(own) .. ' ' .. whole(now))
    local rest = redis.call('HMGET', key, 'lost', 'rebuild')
    return {value, epoch.identity, own, epoch.made, what or '', rest[1] or '', rest[2] or ''}
end

-- ---- months: on a Cluster a node may forget those that it has, and the epoch lies on another -------------------------

local LOST_MONTHS_MAX = 240 -- that are named

-- "5120 1764502927104 0": the steps that the month had by then at least, and how often it has forgotten some.
local function parse_steps(text)
    local count, at, losses = string.match(text or '', '^(%d+) (%d+) (%d+)$')
    return tonumber(count or 0), tonumber(at or 0), tonumber(losses or 0)
end

-- The loss gets one more month; nothing is known of when it was whole, so all there is has to come again.
local function add_lost_month(key, month, seen, now)
    local words = add_loss(key, seen, now, 'months', 0)
    local months = split(words[5] or '', '[^,]+')
    for _, before in ipairs(months) do
        if before == month then return words end
    end
    if #months < LOST_MONTHS_MAX then months[#months + 1] = month end
    words[5] = table.concat(months, ',')
    return words
end

-- KEYS: epoch, steps. ARGV: now, the identity that the caller knows, month, its steps as counted by now, how often it had
-- forgotten some as far as the caller knows, 1 when it has now, when it was last seen whole (0: not known). A caller that
-- knows less has found a loss that was noted already. Returns how often it has.
local function note_month(keys, argv)
    local month, steps = argv[3], tonumber(argv[4])
    check_epoch(keys[1])
    local count, at, losses = parse_steps(redis.call('HGET', keys[2], month))
    if redis.call('HGET', keys[1], 'identity') ~= argv[2] or losses ~= tonumber(argv[5]) then return losses end
    if argv[6] == '1' then
        write_lost(keys[1], add_lost_month(keys[1], month, math.max(at, tonumber(argv[7])), tonumber(argv[1])))
        losses = losses + 1
    elseif steps <= count then
        return losses
    end
    redis.call('HSET', keys[2], month, whole(steps) .. ' ' .. argv[1] .. ' ' .. losses)
    return losses
end

-- KEYS: epoch. An operator has settled a loss. Returns 1 when there was one.
local function settle_epoch(keys)
    return redis.call('HDEL', keys[1], 'lost')
end

redis.register_function('pg_epoch', raise_epoch)
redis.register_function('pg_note_month', note_month)
redis.register_function {function_name = 'pg_epoch_settle', callback = settle_epoch, flags = {'allow-oom'}}

end
