/* What the files of this folder share. */
#ifndef PHASEGATE_REDIS_INTERNAL_H
#define PHASEGATE_REDIS_INTERNAL_H

#include "base/result.h"
#include "redis/settings.h"

#include <hiredis/hiredis.h>
#include <stdint.h>

enum { REDIS_ADDRESS_TEXT_MAX = 300 };

/* Of a clock that only goes forward. */
int64_t redis_monotonic_ms(void);

/* hiredis writes without MSG_NOSIGNAL: without this, a server that closes the connection would end the
 * process. Leaves a handler that somebody has set. */
void redis_ignore_broken_pipe(void);

/* Is it the error of this kind? Errors begin with a word in capitals: "BUSYGROUP …" is not "BUSY …". */
bool redis_reply_is_error(const redisReply *reply, const char *word);

/* redis_reply_result for AUTH and SELECT, where any refusal is CODE_REFUSED. */
struct result redis_login_result(const redisReply *reply) MUST_CHECK;

#endif
