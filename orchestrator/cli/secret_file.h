/* A secret in a file of its own, as systemd's LoadCredential, Docker and Kubernetes hand them over. */
#ifndef PHASEGATE_CLI_SECRET_FILE_H
#define PHASEGATE_CLI_SECRET_FILE_H

#include "base/arena.h"
#include "base/result.h"

enum { SECRET_BYTES_MAX = 1024 }; /* as of a secret in the configuration itself */

/* What the file's mode may allow to others than its owner. */
enum secret_access {
    SECRET_READABLE, /* all but writing by everybody: some containers' runtimes make such files */
    SECRET_PRIVATE,  /* reading by its group */
};

/*
 * The file's only line, without its end, into the arena, which is a private one. CODE_INVALID when it cannot
 * be read, is no file, is empty, has more than one line or control characters, or when its mode allows more
 * than access.
 */
struct result secret_file_read(
    const char *path, enum secret_access access, struct arena *arena, const char **secret) MUST_CHECK;

/* May everybody read it? Such a file is SECRET_READABLE all the same, and to be warned of. */
bool secret_file_exposed(const char *path);

#endif
