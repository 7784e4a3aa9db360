#include "core/completion_fields.h"

#include "base/text.h"
#include "core/completion.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define TEXT(name_, kind_)                                                                                   \
    {.name = #name_, .offset = offsetof(struct completion_fields, name_), .kind = (kind_)},

const struct text_field completion_texts[] = {COMPLETION_TEXTS(TEXT)};

#define NAME(name) #name,

const char *const completion_flags[] = {COMPLETION_FLAGS(NAME)};

struct result completion_set_text(struct completion_fields *fields, const struct text_field *field,
    const char *text, size_t length, struct arena *arena) {
    if (length == 0)
        return ok();
    char shown[TEXT_SHOWN_MAX];
    if (!text_is_utf8(text, length))
        return fail(CODE_INVALID, "%s \"%s\" is not UTF-8", field->name,
            text_show(text, length, shown, sizeof shown));
    if (field->kind != TEXT_PROSE && memchr(text, '\0', length))
        return fail(CODE_INVALID, "%s \"%s\" holds a NUL character", field->name,
            text_show(text, length, shown, sizeof shown));
    if (field->kind == TEXT_ID && length > COMPLETION_ID_MAX)
        return fail(CODE_LIMIT, "%s \"%s\" is %zu bytes long; at most %d are taken", field->name,
            text_show(text, length, shown, sizeof shown), length, COMPLETION_ID_MAX);
    size_t kept =
        text_cut(text, length, field->kind == TEXT_PROSE ? COMPLETION_ERROR_MAX : COMPLETION_WORD_MAX);
    const char *copy = arena_strndup(arena, text, kept);
    if (!copy)
        return fail(CODE_LIMIT, "%s does not fit into the memory for one message", field->name);
    memcpy((char *)fields + field->offset, &copy, sizeof copy);
    return ok();
}

bool completion_flag_parse(const char *text, bool *flag) {
    bool yes = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    bool no = strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0 || *text == '\0';
    if (yes || no)
        *flag = yes;
    return yes || no;
}

bool completion_source_is_backfill(const char *source) {
    return source && strcasecmp(source, "backfill") == 0;
}
