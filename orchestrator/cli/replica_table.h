/* The replicas that were heard of in the last hour, for `phasegate status --replicas`: who is alive, and what
 * each did. */
#ifndef PHASEGATE_CLI_REPLICA_TABLE_H
#define PHASEGATE_CLI_REPLICA_TABLE_H

#include "cli/term.h"
#include "state/replicas.h"

struct replica_table {
    const struct replica_report *replicas;
    size_t count;
    int64_t now_ms;
    int lease_seconds; /* as configured here; for what becomes of a silent one's triggers */
};

enum replica_standing {
    REPLICA_ALIVE,
    REPLICA_SILENT, /* several heartbeats did not come: dead, standing still, or cut off */
    REPLICA_STOPPED,
};

enum replica_standing replica_standing(const struct replica_report *replica, int64_t now_ms);

void replica_table_print(const struct replica_table *table, const struct term *term, FILE *out);
struct result replica_table_print_json(const struct replica_table *table, FILE *out) MUST_CHECK;

#endif
