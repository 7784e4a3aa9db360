/* What the files of the store's client share. */
#ifndef PHASEGATE_STATE_STORE_INTERNAL_H
#define PHASEGATE_STATE_STORE_INTERNAL_H

#include "redis/link.h"
#include "state/store.h"

struct redis_link *store_link(struct store *store);

#endif
