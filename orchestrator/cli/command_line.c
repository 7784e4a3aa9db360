#include "cli/command_line.h"

#include <inttypes.h>
#include <string.h>

static const void *field_of(const struct option_row *row, const void *fields) {
    return (const char *)fields + row->offset;
}

bool option_is_set(const struct option_row *row, const void *fields) {
    const void *field = field_of(row, fields);
    switch (row->kind) {
    case OPTION_FLAG:
        return *(const bool *)field;
    case OPTION_TEXT:
        return *(const char *const *)field != NULL;
    case OPTION_COUNT:
        return *(const int64_t *)field != COUNT_ABSENT;
    case OPTION_LIST:
        return ((const struct option_list *)field)->count > 0;
    }
    return false;
}

static bool is_among(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

const char *option_not_allowed(
    const struct option_row *rows, const void *fields, const char *const *allowed) {
    for (const struct option_row *row = rows; row->name; row++)
        if (option_is_set(row, fields) && !is_among(row->name, allowed))
            return row->name;
    return NULL;
}

void command_line_word(FILE *out, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=@%+";
    fputc(' ', out);
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    }
    fputc('\'', out);
}

static void write_option(FILE *out, const struct option_row *row, const void *fields) {
    const void *field = field_of(row, fields);
    const struct option_list *list = field;
    switch (row->kind) {
    case OPTION_FLAG:
        fprintf(out, " --%s", row->name);
        break;
    case OPTION_TEXT:
        fprintf(out, " --%s", row->name);
        command_line_word(out, *(const char *const *)field);
        break;
    case OPTION_COUNT:
        fprintf(out, " --%s %" PRId64, row->name, *(const int64_t *)field);
        break;
    case OPTION_LIST:
        for (size_t i = 0; i < list->count; i++) {
            fprintf(out, " --%s", row->name);
            command_line_word(out, list->items[i]);
        }
        break;
    }
}

void command_line_options(
    FILE *out, const struct option_row *rows, const void *fields, const char *const *except) {
    for (const struct option_row *row = rows; row->name; row++)
        if (option_is_set(row, fields) && !is_among(row->name, except))
            write_option(out, row, fields);
}

void command_line_where(FILE *out, const struct common_options *common) {
    static const char *const elsewhere[] = {"json", "no-color", "verbose", "help", "version", NULL};
    command_line_options(out, common_option_rows, common, elsewhere);
}
