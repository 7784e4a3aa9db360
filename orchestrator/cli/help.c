#include "cli/help.h"

enum { NAME_COLUMNS = 26 };

static void print_options(const struct option_row *rows, const struct term *term, FILE *out) {
    for (const struct option_row *row = rows; row->name; row++) {
        char form[64], letter[8] = "    ";
        if (row->letter)
            snprintf(letter, sizeof letter, "-%c, ", row->letter);
        snprintf(form, sizeof form, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
            row->argument ? row->argument : "");
        term_print(term, out, TONE_STRONG, "  %-*s", NAME_COLUMNS, form);
        fprintf(out, "  %s\n", row->help);
    }
}

void help_overview(const struct command *const *commands, const struct term *term, FILE *out) {
    fputs("phasegate starts each group of processors when, and only when, what it needs is there.\n\n", out);
    term_print(term, out, TONE_STRONG, "usage");
    fputs("  phasegate COMMAND [options]\n\n", out);
    term_print(term, out, TONE_STRONG, "commands\n");
    for (; *commands; commands++) {
        term_print(term, out, TONE_STRONG, "  %-12s", (*commands)->name);
        fprintf(out, "  %s\n", (*commands)->summary);
    }
    term_print(term, out, TONE_STRONG, "  %-12s", "help");
    fputs("  help COMMAND: what it does, its options, examples\n\n", out);
    term_print(term, out, TONE_STRONG, "options of every command\n");
    print_options(common_option_rows, term, out);
    fputs(
        "\nDates are YYYY-MM-DD; times are UTC. Exit status: 0 fine, 1 the answer is no, 2 wrong usage or\n"
        "configuration, 3 bus or store unreachable.\n",
        out);
}

void help_command(const struct command *command, const struct term *term, FILE *out) {
    fprintf(out, "%s: %s\n\n", command->name, command->summary);
    term_print(term, out, TONE_STRONG, "usage");
    fprintf(out, "  phasegate %s %s\n\n%s", command->name, command->synopsis, command->description);
    if (command->options) {
        term_print(term, out, TONE_STRONG, "\noptions\n");
        print_options(command->options, term, out);
    }
    term_print(term, out, TONE_STRONG, "\noptions of every command\n");
    print_options(common_option_rows, term, out);
}

void help_version(FILE *out) {
    fputs("phasegate " PHASEGATE_VERSION "\n", out);
}
