
-- ---- history: what is no longer current, newest first -------------------------------------------------------------

-- The answers of pg_apply_all; in the order of enum verdict.
local APPLIED, DUPLICATE, LATE, PREMATURE, OTHER_RUN = 0, 1, 2, 3, 4
local VERDICTS = {[APPLIED] = 'applied', [DUPLICATE] = 'duplicate', [LATE] = 'late', [PREMATURE] = 'premature',
                  [OTHER_RUN] = 'other_run'}

local function plain(text)
    return (string.gsub(text, '[%c]', ' '))
end

-- A completion's entry ends in how often it came in a row, so that a flood of one event is one line.
local function completion_entry(verdict, name, record_text, execution, correlation, error_text, times)
    return table.concat({'c', verdict, name, record_text, plain(execution), plain(correlation), plain(error_text),
                         times}, '\t')
end

-- All of an entry but when it came, and how often.
local function completion_parts(entry)
    return string.match(entry, '^(c\t[^\t]*\t[^\t]*\t%S+ %S+ %S+ %S+ %S+ )%S+(.*\t)(%d+)$')
end

-- The newest entry, and a function that puts another in its place: one of this step, or the list's.
local function newest_entry(date)
    local count = #date.entries
    if count > 0 then return date.entries[count], function(entry) date.entries[count] = entry end end
    return date.folded or ask('LINDEX', date.history, 0) or '', function(entry) date.folded = entry end
end

local function remember_ignored(date, verdict, event)
    local function entry_of(times)
        return completion_entry(VERDICTS[verdict], event[NAME], format_record(event, 0), event[EXECUTION],
            event[CORRELATION], event[ERROR], times)
    end
    local entry = entry_of(1)
    local newest, replace_newest = newest_entry(date)
    local head, tail = completion_parts(entry)
    local newest_head, newest_tail, before = completion_parts(newest)
    if newest_head == head and newest_tail == tail then
        replace_newest(entry_of(before + 1))
    else
        remember(date, entry)
    end
end

local function remember_replaced(date, name, old)
    local raw, def = date.raw, date.def
    local verdict = def.group_of[name] and old.run == 0 and 'premature' or 'applied'
    remember(date, completion_entry(verdict, name, old.text, raw[def.executions[name]] or '',
        correlation_in(date, def.correlations[name]), raw[def.errors[name]] or '', '1'))
end

-- The end of a phase (done, failed, cancelled) that the group leaves.
local function remember_phase(date, number, group)
    if group.ended == '-' then return end
    remember(date, 'g', number, group.phase, group.run, whole(time_of(group, group.ended)))
end

-- The group's trigger, which is about to be published a second time.
local function remember_triggered(date, number, group)
    if group.triggered == '-' then return end
    remember(date, 't', number, group.run, whole(time_of(group, group.triggered)), group.message)
end

local function remember_stall(date)
    local stall = date.stall
    if not stall then return end
    local group = group_of(date, stall.number)
    remember(date, 's', stall.number, group and group.run or date.run, whole(stall.at), stall.times)
end
