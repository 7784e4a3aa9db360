/* So many a second: a token bucket on the caller's time, in milliseconds. Pure; a value, freed by nobody. */
#ifndef PHASEGATE_CLI_TOKEN_BUCKET_H
#define PHASEGATE_CLI_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { TOKEN_RATE_MAX = 1000000 };

struct token_bucket {
    int64_t rate;  /* tokens a second; 0: as many as are asked for */
    int64_t level; /* thousandths of a token */
    int64_t at_ms; /* when the level was that */
};

/* Holds what a twentieth of a second brings, at least one; full at first. rate: at most TOKEN_RATE_MAX. */
struct token_bucket token_bucket_new(int64_t rate, int64_t now_ms);

/* Takes one, if there is one. */
bool token_bucket_take(struct token_bucket *bucket, int64_t now_ms);

/* How long until there is one, 0 when there is; as of the last take. */
int64_t token_bucket_wait_ms(const struct token_bucket *bucket);

#endif
