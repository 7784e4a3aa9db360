/* What the files of this folder share. */
#ifndef PHASEGATE_REDIS_INTERNAL_H
#define PHASEGATE_REDIS_INTERNAL_H

#include "base/result.h"
#include "redis/settings.h"

#include <hiredis/hiredis.h>

enum { REDIS_ADDRESS_TEXT_MAX = 300 };

/* hiredis writes without MSG_NOSIGNAL: without this, a server that closes the connection would end the
 * process. Leaves a handler that somebody has set. */
void redis_ignore_broken_pipe(void);

/* redis_reply_result for AUTH and SELECT, where any refusal is CODE_REFUSED. */
struct result redis_login_result(const redisReply *reply) MUST_CHECK;

#endif
