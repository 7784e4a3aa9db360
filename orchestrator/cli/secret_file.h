/* A secret in a file of its own, as systemd's LoadCredential, Docker and Kubernetes hand them over. */
#ifndef PHASEGATE_CLI_SECRET_FILE_H
#define PHASEGATE_CLI_SECRET_FILE_H

#include "base/arena.h"
#include "base/result.h"

enum { SECRET_BYTES_MAX = 1024 };

/*
 * The file's only line, without its end, into the arena, which is a private one. CODE_INVALID when it cannot
 * be read, is no file, is empty, has more than one line or control characters, or when anybody may write it.
 */
struct result secret_file_read(const char *path, struct arena *arena, const char **secret) MUST_CHECK;

/* May others than its owner and group read it? Containers' runtimes make such files, so they are taken all
 * the same. */
bool secret_file_exposed(const char *path);

#endif
