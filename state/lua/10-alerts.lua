
do -- its own names: Lua has room for 200 in one block

-- ---- alerts: which causes were told, over all replicas ------------------------------------------------------------

local ALERTS_MAX, ALERT_BACKFILL_MAX = 1000, 10000 -- causes told or claimed; groups of backfill to be summed up
local ALERT_NOTHING, ALERT_TELL, ALERT_OVER = 0, 1, 2 -- in the order of enum alert_due

local ALERT_PROBES = {'ZCARD', 'ZCARD', 'ZCARD'} -- alerts, claims, backfill or quarantine

local function alert_time(key, cause)
    return tonumber(redis.call('ZSCORE', key, cause) or nil)
end

local function alert_bound(key)
    local over = redis.call('ZCARD', key) - ALERTS_MAX
    if over > 0 then redis.call('ZREMRANGEBYRANK', key, 0, over - 1) end
end

-- Told within the period, or claimed by somebody who is still at it: not again.
local function alert_claim(keys, cause, now, period, lease)
    local leased, told = alert_time(keys[2], cause), alert_time(keys[1], cause)
    if leased and leased > now or not leased and told and told > now - period then return false end
    redis.call('ZADD', keys[2], whole(now + lease), cause)
    alert_bound(keys[2])
    return true
end

-- KEYS: alerts, claims. ARGV: cause, now, period, lease. Returns 1 when the caller is to tell it.
local function claim_alert(keys, argv)
    check_types(keys, ALERT_PROBES)
    return alert_claim(keys, argv[1], tonumber(argv[2]), tonumber(argv[3]), tonumber(argv[4])) and 1 or 0
end

-- KEYS: claims. ARGV: cause, the end of the caller's claim, its new end. Returns 0 when it has none any more.
local function keep_alert(keys, argv)
    if alert_time(keys[1], argv[1]) ~= tonumber(argv[2]) then return 0 end
    redis.call('ZADD', keys[1], argv[3], argv[1])
    return 1
end

-- KEYS: alerts, claims. ARGV: cause, when it was claimed first. It has been told.
local function told_alert(keys, argv)
    check_types(keys, ALERT_PROBES)
    redis.call('ZREM', keys[2], argv[1])
    redis.call('ZADD', keys[1], argv[2], argv[1])
    alert_bound(keys[1])
    return 1
end

-- KEYS: alerts, claims. ARGV: cause. It is over. Returns 1 when it had been told.
local function end_alert(keys, argv)
    check_types(keys, ALERT_PROBES)
    redis.call('ZREM', keys[2], argv[1])
    return redis.call('ZREM', keys[1], argv[1])
end

-- KEYS: backfill. ARGV: cause, now. One more to be summed up. Returns 1 when it is new.
local function note_alert(keys, argv)
    if redis.call('ZCARD', keys[1]) >= ALERT_BACKFILL_MAX then return 0 end
    return redis.call('ZADD', keys[1], 'NX', argv[2], argv[1])
end

-- KEYS: backfill. ARGV: cause. Returns 1 when it was there.
local function forget_alert(keys, argv)
    return redis.call('ZREM', keys[1], argv[1])
end

-- Of causes "stall 2021-11-02/g1": how many are stalls, how many failures, and the one of the oldest date.
local function alert_counts(causes)
    local stalls, first = 0, ''
    for _, cause in ipairs(causes) do
        local kind, subject = string.match(cause, '^(%S+) (%S+)$')
        if kind == 'stall' then stalls = stalls + 1 end
        if kind and (first == '' or subject < string.match(first, '%S+$')) then first = cause end
    end
    return stalls, #causes - stalls, first
end

-- KEYS: alerts, claims, backfill. ARGV: now, period, lease, how long to gather.
-- Returns what is due, stalls, failures, since when there are new ones, the first.
local function sum_alerts(keys, argv)
    check_types(keys, ALERT_PROBES)
    local now, period, gather = tonumber(argv[1]), tonumber(argv[2]), tonumber(argv[4])
    local told = alert_time(keys[1], 'backfill')
    local new = redis.call('ZRANGEBYSCORE', keys[3], told and '(' .. whole(told) or '-inf', '+inf', 'WITHSCORES',
        'LIMIT', 0, 1)
    if not new[1] then
        if redis.call('ZCARD', keys[3]) > 0 or end_alert(keys, {'backfill'}) == 0 then new = nil end
        return {new and ALERT_OVER or ALERT_NOTHING, 0, 0, 0, ''}
    end
    local since = tonumber(new[2])
    if since > now - gather or not alert_claim(keys, 'backfill', now, period, tonumber(argv[3])) then
        return {ALERT_NOTHING, 0, 0, 0, ''}
    end
    local stalls, failures, first = alert_counts(redis.call('ZRANGE', keys[3], 0, -1))
    return {ALERT_TELL, stalls, failures, since, first}
end

-- KEYS: alerts, claims, quarantine. ARGV: now, period, lease, how many within a period are worth telling.
-- Returns what is due, how many came since it was told, how many there are, the reason of the newest.
local function alert_quarantine(keys, argv)
    check_types(keys, ALERT_PROBES)
    local now, period = tonumber(argv[1]), tonumber(argv[2])
    local told, total = alert_time(keys[1], 'quarantine'), redis.call('ZCARD', keys[3])
    local function since(time) return redis.call('ZCOUNT', keys[3], '(' .. whole(time), '+inf') end
    local new = since(told or now - period)
    if new < tonumber(argv[4]) then
        local over = told and told <= now - period and since(now - period) == 0
        if over then end_alert(keys, {'quarantine'}) end
        return {over and ALERT_OVER or ALERT_NOTHING, new, total, ''}
    end
    if not alert_claim(keys, 'quarantine', now, period, tonumber(argv[3])) then
        return {ALERT_NOTHING, new, total, ''}
    end
    local reason = redis.pcall('HGET', keys[3] .. ':' .. redis.call('ZRANGE', keys[3], -1, -1)[1], 'reason')
    return {ALERT_TELL, new, total, type(reason) == 'string' and reason or ''}
end

local function alert_is_of_group(cause)
    return string.find(cause, '^stall ') or string.find(cause, '^failed ')
end

-- KEYS: alerts, claims, backfill. ARGV: now, from which and how many of backfill. Returns the causes about groups that
-- were told; those claimed by somebody who has died; and those of backfill.
local function open_alerts(keys, argv)
    local told, left = {}, {}
    for _, cause in ipairs(redis.call('ZRANGE', keys[1], 0, -1)) do
        if alert_is_of_group(cause) then told[#told + 1] = cause end
    end
    for _, cause in ipairs(redis.call('ZRANGEBYSCORE', keys[2], '-inf', argv[1])) do
        if alert_is_of_group(cause) then left[#left + 1] = cause end
    end
    local first = tonumber(argv[2])
    return {told, left, redis.call('ZRANGE', keys[3], first, first + tonumber(argv[3]) - 1)}
end

-- What a failed member said: "player_composite_factors: timeout" as its abbreviation and its message.
local function alert_reason(date, number, run)
    for _, name in ipairs(date.def.groups[number].members) do
        if any_failed(date, {name}, run) then
            return name .. ': ' .. (date.raw[name .. '.e'] or 'no error message')
        end
    end
    return ''
end

-- KEYS: date, history, outbox, due. ARGV: definition, date, kind, group. Does the cause still stand? A failure stands
-- until its group is done or starts in a new run, also while it was triggered again.
-- Returns 1 or 0, what the group is now, its run (0: not started), 1 when it is of backfill, since when the cause stands,
-- whom the group waits for, what failed.
local function look_at_alert(keys, argv)
    local date, number = load(keys, argv, definition(argv[1]), argv[2], ''), tonumber(argv[4])
    if not date.def.groups[number] then return {0, '', 0, 0, 0, '', ''} end
    local group, stall = group_of(date, number), date.stall
    local phase = group and group.phase or date.no_games and 'no_games' or ''
    local run, tag = group and group.run or 0, group and group.tag
    if not group and (number == 1 or group_of(date, number - 1)) then tag = backfill_tag(date, number) end
    local since
    if argv[3] == 'stall' then
        since = stall and stall.number == number and stall.at
    elseif group and phase ~= 'done' and phase ~= 'cancelled' then
        since = group.ended ~= '-' and time_of(group, group.ended) or group.ready
    end
    return {since and 1 or 0, phase, run, tag == 'b' and 1 or 0, since or 0, waited_for(date, number),
            alert_reason(date, number, run)}
end

redis.register_function('pg_alert_claim', claim_alert)
redis.register_function('pg_alert_keep', keep_alert)
redis.register_function('pg_alert_told', told_alert)
redis.register_function('pg_alert_end', end_alert)
redis.register_function('pg_alert_note', note_alert)
redis.register_function('pg_alert_forget', forget_alert)
redis.register_function('pg_alert_sum', sum_alerts)
redis.register_function('pg_alert_quarantine', alert_quarantine)
redis.register_function {function_name = 'pg_alert_open', callback = open_alerts, flags = {'no-writes'}}
redis.register_function {function_name = 'pg_alert_look', callback = look_at_alert, flags = {'no-writes'}}

end
