
do -- its own names: Lua has room for 200 in one block

-- ---- rebuild: the state, made anew from the messages that the bus still has ---------------------------------------
--
-- While a rebuild is under way daemons keep what they receive and decide nothing. The command then takes everything in
-- the order in which it was published, as if it came at that time, together with the triggers that are known to be sent.

local OVER, KEPT, FULL_UP = 0, 1, 2 -- in the order of enum kept

local REBUILD_PROBES = {'HLEN', 'HLEN', 'ZCARD'} -- epoch, backfill, rebuild

-- KEYS: epoch, backfill. ARGV: now, since when messages come again. One that is under way already goes on; it is gone
-- back in time at least as far. Returns since when it is under way.
local function rebuild_begin(keys, argv)
    check_types(keys, REBUILD_PROBES)
    local before = redis.call('HGET', keys[1], 'rebuild')
    local since, seek = string.match(before or '', '^(%d+) (%d+)$')
    since, seek = since or argv[1], math.min(tonumber(seek or argv[2]), tonumber(argv[2]))
    redis.call('HSET', keys[1], 'rebuild', since .. ' ' .. whole(seek))
    redis.call('HSET', keys[2], 'rebuild', since)
    return tonumber(since)
end

-- KEYS: epoch, rebuild. ARGV: now, when the bus took the message, the message, most of them. What was published before
-- the rebuild began is backlog: `kept` says when the last of it came.
local function rebuild_keep(keys, argv)
    local since = string.match(redis.call('HGET', keys[1], 'rebuild') or '', '^%d+')
    if not since then return OVER end
    if redis.call('ZCARD', keys[2]) >= tonumber(argv[4]) then return FULL_UP end
    redis.call('ZADD', keys[2], argv[2], argv[3])
    if tonumber(argv[2]) <= tonumber(since) then redis.call('HSET', keys[1], 'kept', argv[1]) end
    return KEPT
end

-- KEYS: rebuild. ARGV: a message. It was taken into the state.
local function rebuild_taken(keys, argv)
    return redis.call('ZREM', keys[1], argv[1])
end

-- KEYS: epoch, backfill, rebuild. Returns 1 when it is over, 0 while there are messages that were not taken.
local function rebuild_end(keys)
    check_types(keys, REBUILD_PROBES)
    if redis.call('ZCARD', keys[3]) > 0 then return 0 end
    redis.call('HDEL', keys[1], 'rebuild', 'kept', 'lost')
    redis.call('HDEL', keys[2], 'rebuild')
    return 1
end

-- ---- what must have been ------------------------------------------------------------------------------------------

-- The run that had opened by then because re-runs had settled.
local function open_settled(date, now)
    local stale = date.stale
    if stale and stale.due > 0 and stale.due <= now then open_run(date, stale.first, 'rerun', stale.due) end
end

-- A trigger of this run is known: so an operator, or a settle time that was shorter then, opened it, and the groups
-- before this one were carried over or have become done in it. Here they are carried over, as far as they are done.
local function open_known(date, number, run, now)
    if run <= date.run or not group_of(date, 1) then return end
    local first = math.min(number, first_not_done(date) or number)
    date.run = run - 1
    open_run(date, first, 'operator', now)
end

-- The group's trigger left, under this message id ('-': not known); it is not published again.
local function mark_sent(date, number, now, message)
    local group = group_of(date, number)
    take_out(date, outbox_field(date, number, group.run))
    group.triggered, group.message = since_ready(group, math.max(now, group.ready)), message
    if group.phase == 'ready' then group.phase = 'triggered' end
    set_group(date, number, group)
end

-- Group and run that a trigger id of this date names.
local function parse_trigger_id(pipeline, date_text, id)
    local prefix = pipeline .. '/' .. date_text .. '/g'
    if string.sub(id, 1, #prefix) ~= prefix then return nil end
    local number, run = string.match(string.sub(id, #prefix + 1), '^(%d+)/r(%d+)$')
    return tonumber(number), tonumber(run)
end

-- As pg_apply_all, of one completion, where now is when the bus took the message. A completion that counts for a group
-- shows that the group's trigger was sent.
local function rebuild_apply(keys, argv)
    local month = month_of(argv[2], keys[1], keys[2], keys[3], keys[4], argv[3], argv[4])
    local date = load_date(month, keys[5], keys[6], definition(argv[1]), argv[FIRST_DATE])
    local event = read_event(argv, FIRST_DATE + 2)
    local now, number = tonumber(event[NOW]), date.def.group_of[event[NAME]]
    local named, run = parse_trigger_id(month.pipeline, date.text, event[TRIGGER_ID])
    open_settled(date, now)
    if number and named == number then open_known(date, number, run, now) end
    local answer = take_completion(date, event, now)
    local verdict = type(answer) == 'table' and answer[1] or answer
    if verdict == APPLIED and number and group_of(date, number).triggered == '-' then
        mark_sent(date, number, now, event[TRIGGER_MESSAGE] ~= '' and event[TRIGGER_MESSAGE] or '-')
    end
    schedule(date)
    commit(date)
    return {month.count, answer}
end

local function place_sent(date, number, run, now, message)
    local group = group_of(date, number)
    if not group or group.run < run then return 0 end
    if group.run > run or group.message == message or run_of_old_message(date, number, message) then return 1 end
    if group.phase == 'done' then
        keep_message(date, number, run, message)
        return 1
    end
    if group.triggered ~= '-' and group.message ~= '-' then trigger_again(date, number, 'operator', now) end
    mark_sent(date, number, now, message)
    return 1
end

-- KEYS: of a date. ARGV: definition, date, when it was published, group, run, the bus's message id, lane. A
-- trigger that is known to be sent. Returns 1 when it has its place, 0 when the group has not come so far.
local function rebuild_sent(keys, argv)
    local now, number, run = tonumber(argv[3]), tonumber(argv[4]), tonumber(argv[5])
    local date = load(keys, argv, definition(argv[1]), argv[2], '')
    open_settled(date, now)
    open_known(date, number, run, now)
    local placed = place_sent(date, number, run, now, argv[6])
    schedule(date)
    commit(date)
    return placed
end

-- KEYS: slots. ARGV: outbox field, when the slot expires. A backfill trigger that is in flight.
local function rebuild_slot(keys, argv)
    return redis.call('ZADD', keys[1], argv[2], argv[1])
end

redis.register_function('pg_rebuild_begin', rebuild_begin)
redis.register_function('pg_rebuild_keep', rebuild_keep)
redis.register_function {function_name = 'pg_rebuild_taken', callback = rebuild_taken, flags = {'allow-oom'}}
redis.register_function {function_name = 'pg_rebuild_end', callback = rebuild_end, flags = {'allow-oom'}}
redis.register_function('pg_rebuild_one', rebuild_apply)
redis.register_function('pg_rebuild_sent', rebuild_sent)
redis.register_function('pg_rebuild_slot', rebuild_slot)

end
