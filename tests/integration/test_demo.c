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

static void the_demo_is_as_it_must_be(void **state) {
    (void)state;
    struct temp_dir output = temp_dir_make(), work = temp_dir_make();
    char file[PROCESS_PATH_MAX], variable[PROCESS_PATH_MAX + 16], tail[4096];
    snprintf(file, sizeof file, "%s/demo.txt", output.path);
    snprintf(variable, sizeof variable, "TMPDIR=%s", work.path);
    const char *const argv[] = {PHASEGATE_BINARY, "demo", "--fast", NULL};
    const char *const environment[] = {variable, NULL};
    struct process demo = PROCESS_NONE;
    check_ok(process_spawn(argv, environment, file, &demo));
    assert_true(process_wait(&demo, DEMO_MS));
    process_output_tail(&demo, tail, sizeof tail);
    if (demo.status != 0)
        fail_msg("the demo ended with status %d:\n%s", demo.status, tail);
    assert_non_null(strstr(tail, "15 dates x 4 groups = 60 triggers came out (expected 60)"));
    assert_int_equal(entries_of(work.path), 0);
    temp_dir_remove(&work);
    temp_dir_remove(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_demo_is_as_it_must_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
