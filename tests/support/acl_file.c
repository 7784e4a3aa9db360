#include "support/acl_file.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

#define PASSWORD_SHA256 "#4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631"

enum { LINE_BYTES = 4096 };

static void write_user(FILE *file, const char *line) {
    const char *hash = strchr(line, '#');
    if (hash)
        fprintf(file, "%.*s" PASSWORD_SHA256 "%s", (int)(hash - line), line, hash + strcspn(hash, " "));
    else if (strncmp(line, "user default ", strlen("user default ")) == 0)
        fprintf(file, "user default on nopass ~* &* +@all\n");
    else
        fail_msg("a user without a password: %s", line);
}

void acl_file_write(const char *shipped, const char *path) {
    char line[LINE_BYTES];
    FILE *from = fopen(shipped, "re"), *file = fopen(path, "we");
    assert_non_null(from);
    assert_non_null(file);
    while (fgets(line, sizeof line, from))
        write_user(file, line);
    fputs("user " ACL_REPLICA " on " PASSWORD_SHA256 " -@all +psync +replconf +ping\n", file);
    fputs("user " ACL_SENTINEL " on " PASSWORD_SHA256
          " allchannels -@all +multi +slaveof +ping +exec +subscribe"
          " +config|rewrite +role +publish +info +client|setname +client|kill +script|kill\n",
        file);
    fclose(from);
    fclose(file);
}
