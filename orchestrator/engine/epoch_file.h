/*
 * The epochs as a process remembers them over its restarts: a small text file, one line for each pipeline,
 * "nba 3f2a… 812 1764502927104". It must not lie among Redis' own files, or both are restored together.
 *
 * It is written seldom and not synced: an older line, or none, only makes the comparison coarser.
 */
#ifndef PHASEGATE_ENGINE_EPOCH_FILE_H
#define PHASEGATE_ENGINE_EPOCH_FILE_H

#include "state/epoch.h"

/*
 * Fills in the memory of each pipeline that the file has a line of, and leaves the others. A file that is not
 * there yet is none; lines that cannot be read are passed over. CODE_INVALID when it cannot be read at all.
 */
struct result epoch_file_read(const char *path, const struct pipeline *const *pipelines, int count,
    struct epoch_memory *memories) MUST_CHECK;

/* Writes them, keeping the lines of other pipelines: another process may serve those. */
struct result epoch_file_write(const char *path, const struct pipeline *const *pipelines, int count,
    const struct epoch_memory *memories) MUST_CHECK;

#endif
