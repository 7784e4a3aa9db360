
-- ---- what a completion means --------------------------------------------------------------------------------------

-- Of one execution, a better outcome replaces a worse one, never the other way round (rule 6).
local function is_better(event, old)
    local satisfies = event[SATISFIES] == '1'
    if satisfies ~= old.satisfies then return satisfies end
    local new_rank, old_rank = STATUS_RANK[event[STATUS]], STATUS_RANK[old.status]
    if new_rank ~= old_rank then return new_rank > old_rank end
    return (tonumber(event[COUNT]) or -1) > (tonumber(old.count) or -1)
end

-- The run of the group's trigger that had this message id, among those published before the last one.
local function run_of_old_message(date, number, message)
    for run, id in string.gmatch(date.raw['.g' .. number .. '.old'] or '', '(%d+):(%S+)') do
        if id == message then return tonumber(run) end
    end
end

-- Does a group processor's completion answer this run's trigger (rule 3)? 'named', 'arrival', or nil when it
-- names another. An unknown trigger_message_id decides nothing: the trigger may have been published twice, or its
-- confirmation may still be on the way; then the time of arrival speaks.
local function belongs(date, event, number, group)
    local run, id, message = group and group.run or date.run, event[TRIGGER_ID], event[TRIGGER_MESSAGE]
    if id ~= '' then
        return id == date.month.pipeline .. '/' .. outbox_field(date, number, run) and 'named' or nil
    end
    if message == '' then return 'arrival' end
    if group and group.triggered ~= '-' and message == group.message then return 'named' end
    local old_run = run_of_old_message(date, number, message)
    if not old_run then return 'arrival' end
    return old_run == run and 'named' or nil
end

-- Is the event of the execution whose completion is recorded?
local function is_of_same_execution(date, event)
    return event[EXECUTION] == date.raw[date.def.executions[event[NAME]]]
end

-- What becomes of the event, given what is recorded (old, if anything), and of which group its processor is a member
-- (number: nil is upstream); by rules 3 and 6, and "the newest completion speaks".
local function judge(date, event, old, number)
    local group = number and group_of(date, number)
    local how
    if number then
        how = belongs(date, event, number, group)
        if not how then return OTHER_RUN end
    end
    local beyond_doubt = group and how == 'named' and old and old.run ~= group.run
    if old and not beyond_doubt then
        if is_of_same_execution(date, event) and not is_better(event, old) then return DUPLICATE end
        if tonumber(event[SENT]) < old.at then return LATE end
    end
    return number and not group and PREMATURE or APPLIED
end

local PLUS = 43 -- '+', which the record of a completion that satisfies begins with

local function satisfied(date, name)
    local record = date.records[name]
    if record == nil then
        local text = date.raw[name]
        record = text and string.byte(text) == PLUS and record_of(date, name)
    end
    if not record or not record.satisfies then return false end
    local number = date.def.group_of[name]
    if not number then return true end
    local group = group_of(date, number)
    return group and record.run == group.run
end

local function all_satisfied(date, names)
    for i = 1, #names do
        if not satisfied(date, names[i]) then return false end
    end
    return true
end

-- A re-run (rule 5): the first started group that rests on what was made anew, or nil.
local function stale_from(date, event, old)
    if is_of_same_execution(date, event) or tonumber(event[SENT]) <= old.at then return nil end
    for number, group in ipairs(date.def.groups) do
        if not group_of(date, number) then return nil end
        if group.rests[event[NAME]] then return number end
    end
end

local function mark_stale(date, event, first, now)
    local before, settle = date.stale, date.def.policy.settle
    date.stale = {first = before and math.min(before.first, first) or first, since = before and before.since or now,
                  due = settle and now + settle or 0, name = event[NAME]}
    set(date, '.stale', table.concat({date.stale.first, whole(date.stale.since),
        whole(date.stale.due), date.stale.name}, ' '))
end

-- ---- groups -------------------------------------------------------------------------------------------------------

local function end_stall(date)
    if not date.stall then return end
    remember_stall(date)
    set(date, '.stall', nil)
    date.stall = nil
end

-- Did a member fail in this run, and was it not triggered again since?
local function any_failed(date, names, run)
    for _, name in ipairs(names) do
        local record = record_of(date, name)
        if record and record.status == 'failed' and not record.set_aside and record.run == run then return true end
    end
    return false
end

-- A started group's phase, from its processors' newest completions of its run (rules 3 and 4).
local function phase_of(date, number, group)
    local members = date.def.groups[number].members
    if all_satisfied(date, members) then return 'done' end
    if any_failed(date, members, group.run) then return 'failed' end
    if group.phase == 'cancelled' then return 'cancelled' end
    return group.triggered == '-' and 'ready' or 'triggered'
end

-- Moves a started group to the phase its processors speak for; nothing is taken back once the next group started.
-- Returns the new phase, or nil when it stays.
local function settle_group(date, number, now)
    local group = group_of(date, number)
    if not group or group_of(date, number + 1) then return nil end
    local phase = phase_of(date, number, group)
    if phase == group.phase then return nil end
    remember_phase(date, number, group)
    group.phase = phase
    group.ended = (phase == 'done' or phase == 'failed') and since_ready(group, now) or '-'
    set_group(date, number, group)
    if group.ended ~= '-' then end_stall(date) end
    return phase
end

local function any_tagged(date, names)
    for name in pairs(names) do
        local record = record_of(date, name)
        if record and record.tag == 'b' then return true end
    end
    return false
end

-- The trigger's tag: is any completion that it rests on backfill-tagged? It rests on its needs, on the completions
-- that made the group before done, and on whatever that group rests on.
local function backfill_tag(date, number)
    if any_tagged(date, date.def.groups[number].rests) then return 'b' end
    return number > 1 and group_of(date, number - 1).tag or 'l'
end

local function facts_of(date, number, group, correlation)
    local upstream = {}
    for i, name in ipairs(date.def.groups[number].needs) do
        local record = record_of(date, name)
        local count = record and record.count or '?'
        upstream[i] = '"' .. name .. '":' .. (count == '?' and 'null' or count)
    end
    return string.format('{"at":%d,"backfill":%s%s,"upstream":{%s}}', group.ready,
        group.tag == 'b' and 'true' or 'false',
        correlation ~= '' and ',"correlation":' .. cjson.encode(correlation) or '', table.concat(upstream, ','))
end

local function put_out(date, number, group, correlation)
    local field, facts = outbox_field(date, number, group.run), facts_of(date, number, group, correlation)
    put_into_outbox(date, field, facts, group.tag)
    return field, facts
end

-- Rule 1: the first group that has not started becomes ready when the one before it is done and its needs are
-- satisfied; its trigger goes into the outbox in this same step.
local function start_next(date, correlation, now)
    local last, before = last_started(date)
    local number = last + 1
    if date.stale or number > #date.def.groups then return nil end
    if before and before.phase ~= 'done' then return nil end
    if not all_satisfied(date, date.def.groups[number].needs) then return nil end
    local group = {phase = 'ready', run = date.run, ready = now, triggered = '-', ended = '-',
                   tag = backfill_tag(date, number), message = '-'}
    local field, facts = put_out(date, number, group, correlation)
    end_stall(date)
    set(date, '.run', whole(date.run))
    set_group(date, number, group)
    set_correlation(date, group_correlation(number), correlation)
    if number == 1 then set_time(date, 'since', nil) end
    return field, facts
end

local function upstream_has_no_data(date)
    for _, name in ipairs(date.def.upstream) do
        local record = record_of(date, name)
        if not record or record.status ~= 'no_data' then return false end
    end
    return true
end

-- Rule 7: the date is closed while nothing has started and all of upstream says no_data; or, when the calendar has
-- no games, while group 1 lacks a need. Returns whether it is, and whether it just was.
local function settle_no_games(date, calendar_has_none, now)
    local closed = #date.def.upstream > 0 and not group_of(date, 1)
    if closed and not (calendar_has_none and not all_satisfied(date, date.def.groups[1].needs)) then
        closed = upstream_has_no_data(date)
    end
    local before = date.no_games
    if closed and not before then
        set_time(date, 'no_games', now)
        end_stall(date)
    elseif before and not closed then
        set_time(date, 'no_games', nil)
        remember(date, 'n', whole(before))
    end
    return closed, closed and not before
end

-- ---- deadlines ----------------------------------------------------------------------------------------------------

-- Was the deadline at that time raised? By the deadline, not by when the group was triggered: a trigger that goes again
-- after a stall may be confirmed by a replica whose clock is behind.
local function was_raised(stall, number, at)
    return stall and stall.number == number and stall.at >= at
end

-- The deadline that runs for the date (rule 9) and the group that it is about; nil when none does, or it was raised.
local function deadline_of(date)
    local number, group = last_started(date)
    local policy, begun, length = date.def.policy, nil, 0
    if group and group.phase == 'triggered' then
        begun, length = time_of(group, group.triggered), policy.group_deadline
    elseif number < #date.def.groups and not date.stale and not date.no_games then
        if not group then
            begun = date.since
        elseif group.phase == 'done' then
            begun = time_of(group, group.ended)
        end
        number, length = number + 1, policy.upstream_deadline
    end
    if not begun or length == 0 then return nil end
    local at = begun + length
    if was_raised(date.stall, number, at) then return nil end
    return at, number
end

-- Has this date looked at again when the next settle time or deadline is due.
local function schedule(date)
    local at = deadline_of(date)
    local stale = date.stale
    if stale and stale.due > 0 and not (at and at <= stale.due) then at = stale.due end
    date.due_at = at or false
end
