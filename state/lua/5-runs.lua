
-- ---- a trigger again, and a new run -------------------------------------------------------------------------------

local OLD_MESSAGES_MAX = 8

-- Keeps the message id of a trigger that is not the group's last one any more, so that its answers are known.
local function keep_message(date, number, run, message)
    if message == '-' then return end
    local field = '.g' .. number .. '.old'
    local kept = split(date.raw[field] or '', '%S+')
    kept[#kept + 1] = run .. ':' .. string.gsub(message, '%s', '_')
    while #kept > OLD_MESSAGES_MAX do table.remove(kept, 1) end
    set(date, field, table.concat(kept, ' '))
end

-- Failures of this run no longer speak: the group waits for their processors again.
local function set_failures_aside(date, number, group)
    for _, name in ipairs(date.def.groups[number].members) do
        local record = record_of(date, name)
        if record and record.status == 'failed' and not record.satisfies and record.run == group.run then
            local text = '~' .. string.sub(record.text, 2)
            set(date, name, text)
            date.records[name] = parse_record(text)
        end
    end
end

-- Puts the trigger of a started group into the outbox once more, under the same id. why: "operator" or "stall".
local function trigger_again(date, number, why, now)
    local group = group_of(date, number)
    local field, facts = put_out(date, number, group, correlation_in(date, group_correlation(number)))
    set_failures_aside(date, number, group)
    remember_triggered(date, number, group)
    remember_phase(date, number, group)
    keep_message(date, number, group.run, group.message)
    group.phase, group.triggered, group.ended, group.message = 'ready', '-', '-', '-'
    set_group(date, number, group)
    remember(date, 'r', number, group.run, whole(now), why)
    return field, facts
end

-- The group starts again in the new run; a trigger of the old one that was not confirmed is withdrawn.
local function drop_group(date, number)
    local group = group_of(date, number)
    remember(date, 'G', number, format_group(group))
    keep_message(date, number, group.run, group.message)
    take_out(date, outbox_field(date, number, group.run))
    set_group(date, number, nil)
    set(date, group_correlation(number), nil)
end

local function correlation_of(date, name)
    return name and correlation_in(date, name .. '.c') or ''
end

-- Of the processors' records the one that came last; of several the first in the definition's order.
local function newest(date, names)
    local found, arrived
    for _, name in ipairs(names) do
        local record = record_of(date, name)
        if record and (not arrived or record.arrived > arrived) then found, arrived = name, record.arrived end
    end
    return found
end

-- Opens the next run: groups before first carry over, the others start again by rule 1. why: "rerun", "operator".
-- Returns the trigger that this made due, if any.
local function open_run(date, first, why, now)
    local stale, last = date.stale, last_started(date)
    end_stall(date)
    for number = last, first, -1 do drop_group(date, number) end
    date.run = date.run + 1
    remember(date, 'o', date.run, first, whole(now), stale and whole(stale.since) or '-', why)
    set(date, '.run', whole(date.run))
    set(date, '.stale', nil)
    date.stale = nil
    if first == 1 then
        set_time(date, 'since', now)
    else
        settle_group(date, first - 1, now)
    end
    if settle_no_games(date, false, now) then return nil end
    return start_next(date, correlation_of(date, stale and stale.name or newest(date, date.def.groups[first].needs)),
        now)
end

-- The first group that is not done; nil when all are.
local function first_not_done(date)
    for number = 1, #date.def.groups do
        local group = group_of(date, number)
        if not group or group.phase ~= 'done' then return number, group end
    end
end
