#!lua name=phasegate
--
-- Every change of phasegate's state. Redis runs each function as one atomic step; the C client (store.c) only calls
-- them. The keys, their fields and the forms of their values are described in state/README.md.
--
-- Nothing here knows a processor's name: the definition of the pipeline travels with each call.

local VERSION = 1 -- grows with every change of a key's form or of a function's arguments; store.c has the same
local HISTORY_MAX = 256 -- entries of one date

local STATUS_RANK = {failed = 0, skipped = 1, no_data = 2, partial = 3, success = 4}

-- The answers of pg_apply; in the order of enum verdict.
local APPLIED, DUPLICATE, LATE, PREMATURE, OTHER_RUN = 0, 1, 2, 3, 4
local VERDICTS = {[APPLIED] = 'applied', [DUPLICATE] = 'duplicate', [LATE] = 'late', [PREMATURE] = 'premature',
                  [OTHER_RUN] = 'other_run'}

-- ---- definition ---------------------------------------------------------------------------------------------------

local function split(text, pattern)
    local parts = {}
    for part in string.gmatch(text, pattern) do parts[#parts + 1] = part end
    return parts
end

-- "pgs,upgc;tdza,psza<pgs,upgc;pcf<tdza": upstream, then each group's members and needs.
local function parse_definition(text)
    local def = {upstream = {}, groups = {}, group_of = {}, fields = {'.run', '.no_games'}}
    local names = {}
    for section in string.gmatch(text, '[^;]+') do
        local members, needs = string.match(section, '^([^<]*)<(.*)$')
        local mine = split(members or section, '[^,]+')
        if members then
            local group = {members = mine, needs = split(needs, '[^,]+')}
            def.groups[#def.groups + 1] = group
            for _, name in ipairs(mine) do def.group_of[name] = #def.groups end
            def.fields[#def.fields + 1] = '.g' .. #def.groups
        else
            def.upstream = mine
        end
        for _, name in ipairs(mine) do names[#names + 1] = name end
    end
    for _, name in ipairs(names) do def.fields[#def.fields + 1] = name end
    return def
end

-- Definitions seldom change, so what was parsed is kept; a handful of pipelines is all there is.
local definitions, definition_count = {}, 0

local function definition(text)
    local def = definitions[text]
    if not def then
        if definition_count >= 64 then definitions, definition_count = {}, 0 end
        def = parse_definition(text)
        definitions[text] = def
        definition_count = definition_count + 1
    end
    return def
end

-- ---- records and groups: their forms in the hash ------------------------------------------------------------------

-- "+ success 241 0 1764502927104 1764502928000 b 1". Run 0: upstream, or premature, which belongs to no run.
local function parse_record(text)
    local mark, status, count, _, at, _, tag, run =
        string.match(text, '^(%S) (%S+) (%S+) (%S+) (%S+) (%S+) (%S) (%d+)$')
    return {satisfies = mark == '+', status = status, count = count, at = tonumber(at), tag = tag,
            run = tonumber(run), text = text}
end

local function format_record(event, run, now)
    return table.concat({event.satisfies and '+' or '-', event.status, event.count, event.failed,
                         string.format('%.0f', event.at), string.format('%.0f', now), event.tag, run}, ' ')
end

-- "triggered 1764502927104 +350 - b 9188"
local function parse_group(text)
    local phase, ready, triggered, ended, tag, message =
        string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S) (.+)$')
    return {phase = phase, ready = tonumber(ready), triggered = triggered, ended = ended, tag = tag, message = message}
end

local function format_group(group)
    return table.concat({group.phase, string.format('%.0f', group.ready), group.triggered, group.ended, group.tag,
                         group.message}, ' ')
end

local function since(group, now)
    return string.format('%+.0f', now - group.ready)
end

-- What one date holds, parsed on demand: dates with most records untouched by an event cost little.
local function load(key, def, extra)
    local fields = def.fields
    local count = #fields
    fields[count + 1] = extra
    local values = redis.call('HMGET', key, unpack(fields))
    fields[count + 1] = nil
    local raw = {}
    for i = 1, count do raw[fields[i]] = values[i] end
    return {key = key, def = def, raw = raw, records = {}, groups = {}, run = tonumber(raw['.run'] or 1),
            extra = values[count + 1]}
end

local function record_of(date, name)
    local record = date.records[name]
    if record == nil then
        local text = date.raw[name]
        record = text and parse_record(text) or false
        date.records[name] = record
    end
    return record
end

local function group_of(date, number)
    local group = date.groups[number]
    if group == nil then
        local text = date.raw['.g' .. number]
        group = text and parse_group(text) or false
        date.groups[number] = group
    end
    return group
end

-- ---- history: what is no longer current, newest first -------------------------------------------------------------

local function plain(text)
    return (string.gsub(text, '[%c]', ' '))
end

local function remember(history, date_key, entry)
    if redis.call('LPUSH', history, entry) > HISTORY_MAX then
        redis.call('LTRIM', history, 0, HISTORY_MAX - 1)
        redis.call('HINCRBY', date_key, '.dropped', 1)
    end
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

local function remember_ignored(history, date_key, verdict, event, record_text)
    local function entry_of(times)
        return completion_entry(VERDICTS[verdict], event.name, record_text, event.execution, event.correlation,
            event.error, times)
    end
    local entry = entry_of(1)
    local head, tail = completion_parts(entry)
    local newest_head, newest_tail, before = completion_parts(redis.call('LINDEX', history, 0) or '')
    if newest_head == head and newest_tail == tail then
        redis.call('LSET', history, 0, entry_of(before + 1))
    else
        remember(history, date_key, entry)
    end
end

local function remember_replaced(history, date, name)
    local old = record_of(date, name)
    if not old then return end
    local rest = redis.call('HMGET', date.key, name .. '.x', name .. '.c', name .. '.e')
    local verdict = date.def.group_of[name] and old.run == 0 and 'premature' or 'applied'
    remember(history, date.key,
        completion_entry(verdict, name, old.text, rest[1] or '', rest[2] or '', rest[3] or '', '1'))
end

local function remember_phase(history, date, number, group)
    remember(history, date.key, table.concat({'g', number, group.phase, date.run,
        string.format('%.0f', group.ready + tonumber(group.ended))}, '\t'))
end

-- ---- rules --------------------------------------------------------------------------------------------------------

-- Of one execution, a better outcome replaces a worse one, never the other way round (rule 6).
local function is_better(event, old)
    if event.satisfies ~= old.satisfies then return event.satisfies end
    local new_rank, old_rank = STATUS_RANK[event.status], STATUS_RANK[old.status]
    if new_rank ~= old_rank then return new_rank > old_rank end
    return (tonumber(event.count) or -1) > (tonumber(old.count) or -1)
end

-- Does a group processor's completion answer this run's trigger (rule 3)? 'named', 'arrival', or nil when it
-- names another. An unknown trigger_message_id decides nothing: the trigger may have been published twice, or its
-- confirmation may still be on the way; then the time of arrival speaks.
local function belongs(event, group, number, date_run)
    if event.trigger_id ~= '' then
        local wanted = event.pipeline .. '/' .. event.date .. '/g' .. number .. '/r' .. date_run
        return event.trigger_id == wanted and 'named' or nil
    end
    if group.triggered ~= '-' and event.trigger_message == group.message then return 'named' end
    return 'arrival'
end

-- What becomes of the event, given what is recorded (rules 3 and 6, and "the newest completion speaks").
local function judge(date, event)
    local old = record_of(date, event.name)
    local number = date.def.group_of[event.name]
    local group = number and group_of(date, number)
    local verdict, named = APPLIED, false
    if number and not group then
        verdict = PREMATURE
    elseif number then
        local how = belongs(event, group, number, date.run)
        if not how then return OTHER_RUN end
        named = how == 'named'
    end
    if old and not (named and old.run == 0) then
        if event.execution == date.extra and not is_better(event, old) then return DUPLICATE end
        if event.at < old.at then return LATE end
    end
    return verdict
end

local function satisfied(date, name)
    local record = record_of(date, name)
    if not record or not record.satisfies then return false end
    return not date.def.group_of[name] or record.run == date.run
end

local function all_satisfied(date, names)
    for _, name in ipairs(names) do
        if not satisfied(date, name) then return false end
    end
    return true
end

local function any_failed(date, names)
    for _, name in ipairs(names) do
        local record = record_of(date, name)
        if record and record.status == 'failed' and record.run == date.run then return true end
    end
    return false
end

-- A started group's phase, from its processors' newest completions of this run (rules 3 and 4).
local function phase_of(date, number, group)
    local members = date.def.groups[number].members
    if all_satisfied(date, members) then return 'done' end
    if any_failed(date, members) then return 'failed' end
    return group.triggered == '-' and 'ready' or 'triggered'
end

-- Moves a started group to the phase its processors speak for; nothing is taken back once the next group started.
local function settle_group(date, number, history, now)
    local group = group_of(date, number)
    if group_of(date, number + 1) then return nil end
    local phase = phase_of(date, number, group)
    if phase == group.phase then return nil end
    if group.ended ~= '-' then remember_phase(history, date, number, group) end
    group.phase = phase
    group.ended = (phase == 'done' or phase == 'failed') and since(group, now) or '-'
    redis.call('HSET', date.key, '.g' .. number, format_group(group))
    return phase
end

local function any_tagged(date, names)
    for _, name in ipairs(names) do
        local record = record_of(date, name)
        if record and record.tag == 'b' then return true end
    end
    return false
end

-- The trigger's tag: is any completion that it rests on backfill-tagged? It rests on its needs, on the completions
-- that made the group before done, and on whatever that group rests on.
local function backfill_tag(date, number)
    local groups = date.def.groups
    if any_tagged(date, groups[number].needs) then return 'b' end
    if number == 1 then return 'l' end
    local before = group_of(date, number - 1)
    return (before.tag == 'b' or any_tagged(date, groups[number - 1].members)) and 'b' or 'l'
end

local function facts_of(date, number, tag, event, now)
    local upstream = {}
    for _, name in ipairs(date.def.groups[number].needs) do
        local count = record_of(date, name).count
        upstream[#upstream + 1] = string.format('"%s":%s', name, count == '?' and 'null' or count)
    end
    local correlation = ''
    if event.correlation ~= '' then correlation = ',"correlation":' .. cjson.encode(event.correlation) end
    return string.format('{"at":%.0f,"backfill":%s%s,"upstream":{%s}}', now, tag == 'b' and 'true' or 'false',
        correlation, table.concat(upstream, ','))
end

-- Rule 1: the first group that has not started becomes ready when the one before it is done and its needs are
-- satisfied; its trigger goes into the outbox in this same step.
local function start_next(date, event, outbox, now)
    local number = 1
    while number <= #date.def.groups and group_of(date, number) do number = number + 1 end
    if number > #date.def.groups then return nil end
    if number > 1 and group_of(date, number - 1).phase ~= 'done' then return nil end
    if not all_satisfied(date, date.def.groups[number].needs) then return nil end
    local group = {phase = 'ready', ready = now, triggered = '-', ended = '-', tag = backfill_tag(date, number),
                   message = '-'}
    local field = string.format('%s/g%d/r%d', event.date, number, date.run)
    local facts = facts_of(date, number, group.tag, event, now)
    redis.call('HSET', outbox, field, facts) -- first: Redis takes nothing back when a later write fails
    redis.call('HSET', date.key, '.run', date.run, '.g' .. number, format_group(group))
    if event.correlation ~= '' then redis.call('HSET', date.key, '.g' .. number .. '.c', event.correlation) end
    return field, facts
end

-- Rule 7: when all of upstream says no_data and nothing has started, the date is closed. Returns whether it is, and
-- whether it just was.
local function settle_no_games(date, history, now)
    local closed = #date.def.upstream > 0 and not group_of(date, 1)
    for _, name in ipairs(date.def.upstream) do
        local record = closed and record_of(date, name)
        closed = record and record.status == 'no_data'
        if not closed then break end
    end
    local before = date.raw['.no_games']
    if closed and not before then
        redis.call('HSET', date.key, '.no_games', string.format('%.0f', now))
    elseif before and not closed then
        redis.call('HDEL', date.key, '.no_games')
        remember(history, date.key, 'n\t' .. before)
    end
    return closed, closed and not before
end

local function write_record(date, event, run, now)
    local text = format_record(event, run, now)
    local had_one = record_of(date, event.name)
    redis.call('HSET', date.key, event.name, text, event.name .. '.x', event.execution)
    for _, part in ipairs({{'.c', event.correlation}, {'.e', event.error}}) do
        if part[2] ~= '' then
            redis.call('HSET', date.key, event.name .. part[1], part[2])
        elseif had_one then
            redis.call('HDEL', date.key, event.name .. part[1])
        end
    end
    date.records[event.name] = parse_record(text)
end

-- ---- functions ----------------------------------------------------------------------------------------------------

-- KEYS: date, history, outbox. ARGV: as read below; "" is absent, a count of "?" unknown.
-- Returns verdict, closed (0 or 1), the group moved (0: none), its phase, outbox field, facts ("" when none).
local function apply(keys, argv)
    local history, outbox = keys[2], keys[3]
    local event = {pipeline = argv[2], date = argv[3], name = argv[5], satisfies = argv[6] == '1', status = argv[7],
                   count = argv[8], failed = argv[9], at = tonumber(argv[10]), tag = argv[11], execution = argv[12],
                   correlation = argv[13], trigger_id = argv[14], trigger_message = argv[15], error = argv[16]}
    local now = tonumber(argv[4])
    local date = load(keys[1], definition(argv[1]), event.name .. '.x')
    local number = date.def.group_of[event.name]

    local verdict = judge(date, event)
    if verdict ~= APPLIED and verdict ~= PREMATURE then
        remember_ignored(history, date.key, verdict, event, format_record(event, 0, now))
        return {verdict, 0, 0, '', '', ''}
    end
    remember_replaced(history, date, event.name)
    write_record(date, event, verdict == APPLIED and number and date.run or 0, now)
    if verdict == PREMATURE then return {verdict, 0, 0, '', '', ''} end

    local closed, just_closed, phase = false, false, nil
    if number then
        phase = settle_group(date, number, history, now)
    else
        closed, just_closed = settle_no_games(date, history, now)
    end
    local field, facts
    if not closed then field, facts = start_next(date, event, outbox, now) end
    return {verdict, just_closed and 1 or 0, phase and number or 0, phase or '', field or '', facts or ''}
end

-- KEYS: date, outbox. ARGV: outbox field, group, run, now, the bus's message id.
-- Returns 1 when the trigger was in the outbox, 0 when it was confirmed before.
local function confirm(keys, argv)
    local removed = redis.call('HDEL', keys[2], argv[1])
    local field = '.g' .. argv[2]
    local values = redis.call('HMGET', keys[1], '.run', field)
    if removed == 1 and values[1] == argv[3] and values[2] then
        local group = parse_group(values[2])
        group.triggered = since(group, tonumber(argv[4]))
        group.message = argv[5]
        if group.phase == 'ready' then group.phase = 'triggered' end
        redis.call('HSET', keys[1], field, format_group(group))
    end
    return removed
end

-- KEYS: months. ARGV: month ("2021-11"). A month is known before its first date is, so that a reader finds every date.
local function open_month(keys, argv)
    return redis.call('ZADD', keys[1], (string.gsub(argv[1], '-', '')), argv[1])
end

-- KEYS: index, entry, counters.
-- ARGV: id, now, most entries, reason, topic, data, size of the whole message, attributes as JSON.
-- Returns how many entries went past the maximum.
local function quarantine(keys, argv)
    local index, id, now = keys[1], argv[1], argv[2]
    if redis.call('ZADD', index, 'NX', now, id) == 0 then return 0 end
    redis.call('HSET', keys[2], 'at', now, 'reason', argv[4], 'topic', argv[5], 'data', argv[6], 'size', argv[7],
        'attributes', argv[8])
    redis.call('HINCRBY', keys[3], 'quarantined', 1)
    local over = redis.call('ZCARD', index) - tonumber(argv[3])
    if over <= 0 then return 0 end
    for _, oldest in ipairs(redis.call('ZRANGE', index, 0, over - 1)) do redis.call('DEL', index .. ':' .. oldest) end
    redis.call('ZREMRANGEBYRANK', index, 0, over - 1)
    redis.call('HINCRBY', keys[3], 'quarantine_dropped', over)
    return over
end

-- KEYS: index, entry. ARGV: id. Returns 1 when it was there.
local function unquarantine(keys, argv)
    redis.call('DEL', keys[2])
    return redis.call('ZREM', keys[1], argv[1])
end

redis.register_function {function_name = 'pg_version', callback = function() return VERSION end, flags = {'no-writes'}}
redis.register_function('pg_apply', apply)
redis.register_function('pg_confirm', confirm)
redis.register_function('pg_open_month', open_month)
redis.register_function('pg_quarantine', quarantine)
redis.register_function('pg_unquarantine', unquarantine)
