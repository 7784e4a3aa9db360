
-- ---- completions --------------------------------------------------------------------------------------------------

local function write_record(date, event, run, now)
    local name, def, text = event[NAME], date.def, format_record(event, run)
    set(date, name, text)
    set(date, def.executions[name], event[EXECUTION])
    set_correlation(date, def.correlations[name], event[CORRELATION])
    set(date, def.errors[name], event[ERROR] ~= '' and event[ERROR] or nil)
    date.is_new = false
    date.records[name] = {satisfies = event[SATISFIES] == '1', status = event[STATUS], count = event[COUNT],
                          at = tonumber(event[SENT]), arrived = now, tag = event[TAG], run = run, text = text}
end

-- A completion of upstream. Returns whether the date is closed, and whether it just was. One that is no "no data", and
-- comes while the calendar knows of games, closes nothing.
local function settle_upstream(date, event, now)
    if not date.since and not group_of(date, 1) then set_time(date, 'since', now) end
    local has_no_games = event[NO_GAMES] == '1'
    if not has_no_games and event[STATUS] ~= 'no_data' and not date.no_games then return false, false end
    return settle_no_games(date, has_no_games, now)
end

-- What a completion led to: its verdict alone, when that is all; else verdict, closed (1: the date was just closed), the
-- group moved (0: none), the run of its trigger, its phase, the first stale group when this was a re-run (else 0), outbox
-- field, facts ("" when none).
local function answer_of(verdict, just_closed, group, run, phase, stale, field, facts)
    if not (just_closed or phase or stale or field) then return verdict end
    return {verdict, just_closed and 1 or 0, phase and group or 0, phase and run or 0, phase or '', stale or 0,
            field or '', facts or ''}
end

-- Records a completion and follows what it leads to.
local function take_completion(date, event, now)
    local name = event[NAME]
    local old, number = record_of(date, name), date.def.group_of[name]
    local verdict = judge(date, event, old, number)
    if verdict ~= APPLIED and verdict ~= PREMATURE then
        remember_ignored(date, verdict, event)
        return verdict
    end
    local first_stale = old and verdict == APPLIED and stale_from(date, event, old)
    if old then remember_replaced(date, name, old) end
    write_record(date, event, verdict == APPLIED and number and group_of(date, number).run or 0, now)
    if verdict == PREMATURE then return verdict end
    if first_stale then mark_stale(date, event, first_stale, now) end

    local closed, just_closed, phase, field, facts
    if number then
        phase = settle_group(date, number, now)
    else
        closed, just_closed = settle_upstream(date, event, now)
    end
    if not closed then field, facts = start_next(date, event[CORRELATION], now) end
    date.moved = true
    return answer_of(verdict, just_closed, number, phase and group_of(date, number).run, phase,
        first_stale and date.stale.first, field, facts)
end

-- ARGV of pg_apply_all, and of pg_rebuild_one: definition, pipeline, lessee, lane; then of each date itself, how many
-- completions it has, and the parts of each (NOW, NAME ...).
local FIRST_DATE = 5

-- Of ARGV, from at on.
local function read_event(argv, at)
    return {unpack(argv, at, at + EVENT_PARTS - 1)}
end

local function read_events(argv, at, count)
    local events = {}
    for i = 1, count do events[i] = read_event(argv, at + (i - 1) * EVENT_PARTS) end
    return events
end

-- A date's completions, in their order, as one step. Returns the answers of take_completion.
local function take_all(month, place, events)
    local date, answers = load_date(month, place.key, place.history, place.def, place.text), {}
    for i = 1, #events do answers[i] = take_completion(date, events[i], tonumber(events[i][NOW])) end
    if date.moved then schedule(date) end
    commit_date(date)
    return answers
end

-- What pcall gives for a step that failed, as the answer to it.
local function as_error(caught)
    return type(caught) == 'table' and caught or {err = tostring(caught)}
end

-- The same, each as a step of its own: one that meets what is not in its form leaves the others alone.
local function take_each(month, place, events)
    local answers = {}
    for i, event in ipairs(events) do
        local taken, answer = pcall(take_all, month, place, {event})
        answers[i] = taken and answer[1] or as_error(answer)
    end
    return answers
end

-- KEYS: outbox, due, leases, steps, and of each date the date and its history. Returns the lane's count, and of each
-- completion what answer_of says, or the error that it met.
local function apply(keys, argv)
    local month = month_of(argv[2], keys[1], keys[2], keys[3], keys[4], argv[3], argv[4])
    local def, answers, at, key = definition(argv[1]), {0}, FIRST_DATE, 5
    while at < #argv do
        local count = tonumber(argv[at + 1])
        local place = {key = keys[key], history = keys[key + 1], def = def, text = argv[at]}
        local events = read_events(argv, at + 2, count)
        local taken, of_date = pcall(take_all, month, place, events)
        if not taken then of_date = take_each(month, place, events) end
        for i = 1, count do answers[#answers + 1] = of_date[i] end
        at, key = at + 2 + count * EVENT_PARTS, key + 2
    end
    commit_month(month)
    answers[1] = month.count or 0
    return answers
end

-- ---- timers and replay --------------------------------------------------------------------------------------------

-- The processors that the group, or the start of it, waits for.
local function waited_for(date, number)
    local group = group_of(date, number)
    local names = date.def.groups[number][group and 'members' or 'needs']
    local missing = {}
    for _, name in ipairs(names) do
        if not satisfied(date, name) then missing[#missing + 1] = name end
    end
    return table.concat(missing, ',')
end

local function raise_stall(date, number, now)
    local before = date.stall
    remember_stall(date)
    date.stall = {number = number, times = before and before.number == number and before.times + 1 or 1, at = now}
    set(date, '.stall', number .. ' ' .. date.stall.times .. ' ' .. whole(now))
end

-- KEYS: of a date. ARGV: definition, date, now, lessee, lane. Opens the run whose settle time is
-- over, then raises the deadline that has passed. Returns the run opened (0: none) and its first group, the group
-- stalled (0: none), the run of its trigger, how often, whom it waits for, outbox field, facts.
local function tick(keys, argv)
    local now = tonumber(argv[3])
    local date = load(keys, argv, definition(argv[1]), argv[2], argv[4])
    local opened, first, field, facts = 0, 0, nil, nil
    if date.stale and date.stale.due > 0 and date.stale.due <= now then
        first = date.stale.first
        field, facts = open_run(date, first, 'rerun', now)
        opened = date.run
    end
    local stalled, run, times, waits = 0, 0, 0, ''
    local at, number = deadline_of(date)
    if at and at <= now then
        local group = group_of(date, number)
        stalled, run, waits = number, group and group.run or 0, waited_for(date, number)
        raise_stall(date, number, now)
        times = date.stall.times
        if group and not date.stale and times <= date.def.policy.retrigger_limit then
            field, facts = trigger_again(date, number, 'stall', now)
        end
    end
    schedule(date)
    commit(date)
    return {opened, first, stalled, run, times, waits, field or '', facts or ''}
end

local NOTHING, AGAIN, STARTED, OPENED = 0, 1, 2, 3 -- what a replay did; in the order of struct replayed

-- Opens a run by hand. What is stale or not done is never carried over.
local function replay_run(date, from, now)
    if not group_of(date, 1) then return {NOTHING, 0, 0, '', ''} end
    local stale = date.stale and date.stale.first
    local first = from > 0 and from or stale or 1
    first = math.min(first, stale or first, first_not_done(date) or first)
    local field, facts = open_run(date, first, 'operator', now)
    return {OPENED, first, date.run, field or '', facts or ''}
end

-- Does the group's trigger have to go out (again)? missed: only when it never left.
local function wants_trigger(date, number, group, missed)
    if group.phase == 'ready' then
        return redis.call('HEXISTS', date.month.outbox, outbox_field(date, number, group.run)) == 0
    end
    return group.phase == 'cancelled' or not missed
end

local function replay_group(date, from, missed, now)
    local number, group = first_not_done(date)
    if not number or from > number or date.stale or date.no_games then return {NOTHING, 0, 0, '', ''} end
    if not group then
        local correlation = correlation_of(date, newest(date, date.def.groups[number].needs))
        local field, facts = start_next(date, correlation, now)
        return {field and STARTED or NOTHING, field and number or 0, field and date.run or 0, field or '', facts or ''}
    end
    if not wants_trigger(date, number, group, missed) then return {NOTHING, 0, 0, '', ''} end
    end_stall(date)
    local field, facts = trigger_again(date, number, 'operator', now)
    return {AGAIN, number, group.run, field, facts}
end

-- KEYS: of a date. ARGV: definition, date, now, mode ("again", "missed", "rerun"), from group (0: any), lane.
-- The trigger is leased to nobody: an operator's command publishes nothing. Returns what was done, group, run, outbox
-- field, facts.
local function replay(keys, argv)
    local now, mode, from = tonumber(argv[3]), argv[4], tonumber(argv[5])
    local date = load(keys, argv, definition(argv[1]), argv[2], '')
    local done = mode == 'rerun' and replay_run(date, from, now) or replay_group(date, from, mode == 'missed', now)
    if done[1] == NOTHING then return done end
    schedule(date)
    commit(date)
    return done
end

-- ---- triggers -----------------------------------------------------------------------------------------------------

-- Takes the trigger out of the outbox. Returns 1, or 0 when it was not there.
local function take_trigger(date, number, run)
    local field = outbox_field(date, number, run)
    local month = date.month
    if month.taken[field] or ask('HEXISTS', month.outbox, field) == 0 then return 0 end
    take_out(date, field)
    return 1
end

-- The trigger of the group's current run has left.
local function mark_triggered(date, number, group, message, now)
    if group.phase == 'cancelled' then
        remember_phase(date, number, group)
        group.ended = '-'
    end
    group.triggered, group.message = since_ready(group, now), message
    if group.ended == '-' then group.phase = 'triggered' end
    set_group(date, number, group)
    schedule(date)
end

-- Returns 1 when the trigger was in the outbox, 0 when it was confirmed before, cancelled or superseded.
local function confirm_one(month, place, now, number, run, message)
    local date = load_date(month, place.key, place.history, place.def, place.text)
    local group, removed = group_of(date, number), take_trigger(date, number, run)
    if group and group.run == run then
        if removed == 1 or group.phase == 'cancelled' then mark_triggered(date, number, group, message, now) end
    elseif run < (group and group.run or date.run) and not run_of_old_message(date, number, message) then
        keep_message(date, number, run, message) -- of a run that this store never opened it knows nothing
    end
    commit_date(date)
    return removed
end

local FIRST_CONFIRMED, CONFIRMED_PARTS = 3, 5

-- KEYS: outbox, due, leases, steps, and of each trigger its date and that one's history. ARGV: definition, lane; then of
-- each its date, now, group, run, the bus's message id. Each is a step of its own. Returns the lane's count, and of each
-- what confirm_one returns, or the error that it met.
local function confirm(keys, argv)
    local month = month_of(nil, keys[1], keys[2], keys[3], keys[4], '', argv[2])
    local def, answers, key = definition(argv[1]), {0}, 5
    for at = FIRST_CONFIRMED, #argv, CONFIRMED_PARTS do
        local place = {key = keys[key], history = keys[key + 1], def = def, text = argv[at]}
        local done, answer = pcall(confirm_one, month, place, tonumber(argv[at + 1]), tonumber(argv[at + 2]),
            tonumber(argv[at + 3]), argv[at + 4])
        answers[#answers + 1] = done and answer or as_error(answer)
        key = key + 2
    end
    commit_month(month)
    answers[1] = month.count or 0
    return answers
end

-- KEYS: of a date. ARGV: date, group, run, now, lane. Returns 1 when the trigger was waiting, and is no more.
local function cancel(keys, argv)
    local number, run = tonumber(argv[2]), tonumber(argv[3])
    local date = load(keys, argv, nil, argv[1], '')
    local group = group_of(date, number)
    if not group or group.run ~= run or group.phase ~= 'ready' then return 0 end
    if take_trigger(date, number, run) == 0 then return 0 end
    group.phase, group.ended = 'cancelled', since_ready(group, tonumber(argv[4]))
    set_group(date, number, group)
    commit(date)
    return 1
end

-- KEYS: date. ARGV: definition, group, run. Is that trigger on its way, or its group at work?
local function in_flight(keys, argv)
    local number = tonumber(argv[2])
    local values = redis.call('HMGET', keys[1], '.g' .. number, '.stall')
    local group = values[1] and parse_group(values[1])
    local stall = values[2] and parse_stall(values[2])
    if not group or group.run ~= tonumber(argv[3]) then return 0 end
    if group.phase == 'ready' then return 1 end
    if group.phase ~= 'triggered' then return 0 end
    local deadline = time_of(group, group.triggered) + definition(argv[1]).policy.group_deadline
    return was_raised(stall, number, deadline) and 0 or 1
end

-- ---- slots --------------------------------------------------------------------------------------------------------

local FULL, GRANTED, PAUSED = 0, 1, 2 -- in the order of enum claim

-- KEYS: slots, backfill. ARGV: outbox field, now, when the slot expires, cap.
local function claim(keys, argv)
    local held = redis.call('HMGET', keys[2], 'paused', 'rebuild')
    if held[1] or held[2] then return PAUSED end
    redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', argv[2])
    if not redis.call('ZSCORE', keys[1], argv[1]) and redis.call('ZCARD', keys[1]) >= tonumber(argv[4]) then
        return FULL
    end
    redis.call('ZADD', keys[1], argv[3], argv[1])
    return GRANTED
end

-- KEYS: slots. ARGV: outbox field. Returns 1 when it had a slot.
local function release(keys, argv)
    return redis.call('ZREM', keys[1], argv[1])
end

-- KEYS: backfill. ARGV: now to pause, "" to resume.
local function pause(keys, argv)
    if argv[1] == '' then return redis.call('HDEL', keys[1], 'paused') end
    return redis.call('HSETNX', keys[1], 'paused', argv[1])
end

-- ---- months -------------------------------------------------------------------------------------------------------

-- KEYS: months. ARGV: month ("2021-11"). A month is known before its first date is, so that a reader finds every date.
local function open_month(keys, argv)
    return redis.call('ZADD', keys[1], (string.gsub(argv[1], '-', '')), argv[1])
end

-- ---- their names --------------------------------------------------------------------------------------------------

redis.register_function {function_name = 'pg_version', callback = function() return VERSION end, flags = {'no-writes'}}
redis.register_function {function_name = 'pg_in_flight', callback = in_flight, flags = {'no-writes'}}
redis.register_function('pg_apply_all', apply)
redis.register_function('pg_tick', tick)
redis.register_function('pg_replay', replay)
redis.register_function('pg_claim', claim)
redis.register_function('pg_pause', pause)
redis.register_function('pg_open_month', open_month)

-- A server that is out of memory refuses a function before it begins, so that none is ever half done; these make room.
redis.register_function {function_name = 'pg_confirm_all', callback = confirm, flags = {'allow-oom'}}
redis.register_function {function_name = 'pg_cancel', callback = cancel, flags = {'allow-oom'}}
redis.register_function {function_name = 'pg_release', callback = release, flags = {'allow-oom'}}
