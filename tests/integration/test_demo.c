/* The demo, as a newcomer runs it: it checks itself, so its exit status is the answer; and it leaves nothing
 * behind. */
#include "support/check.h"
#include "support/process.h"
#include "support/temp_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { DEMO_MS = 60000 };

static int entries_of(const char *directory) {
    DIR *listing = opendir(directory);
    int count = -2; /* . and .. */
    while (listing && readdir(listing))
        count++;
    if (listing)
        closedir(listing);
    return count;
}

/* The whole output, which may be longer than the end that process_output_tail gives. */
static char *read_all(const char *file) {
    static char text[64 * 1024];
    FILE *stream = fopen(file, "r");
    assert_non_null(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    return text;
}

static void the_demo_is_as_it_must_be(void **state) {
    (void)state;
    struct temp_dir output = temp_dir_make(), work = temp_dir_make();
    char file[PROCESS_PATH_MAX], variable[PROCESS_PATH_MAX + 16], tail[4096];
    snprintf(file, sizeof file, "%s/demo.txt", output.path);
    snprintf(variable, sizeof variable, "TMPDIR=%s", work.path);
    const char *const argv[] = {PHASEGATE_BINARY, "demo", "--fast", NULL};
    /* What the caller's environment says of another store is not the demo's. */
    const char *const environment[] = {variable, "PHASEGATE_STORE_URL=redis://127.0.0.1:1",
        "PHASEGATE_CONFIG=/nowhere", "PHASEGATE_DATA=/nowhere", "PHASEGATE_BUS=pubsub", NULL};
    struct process demo = PROCESS_NONE;
    check_ok(process_spawn(argv, environment, file, &demo));
    assert_true(process_wait(&demo, DEMO_MS));
    process_output_tail(&demo, tail, sizeof tail);
    if (demo.status != 0)
        fail_msg("the demo ended with status %d:\n%s", demo.status, tail);
    assert_non_null(strstr(tail, "15 dates x 4 groups = 60 triggers came out (expected 60)"));
    const char *all = read_all(file);
    assert_non_null(strstr(all, "$ phasegate backfill nov2021_row_counts.csv\nbackfill bf-"));
    assert_non_null(strstr(all, ": 16 dates, 80 completions to send\n"));
    assert_non_null(strstr(all, "$ phasegate backfill nov2021_repair_players.csv\n"));
    assert_int_equal(entries_of(work.path), 0);
    temp_dir_remove(&work);
    temp_dir_remove(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_demo_is_as_it_must_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
