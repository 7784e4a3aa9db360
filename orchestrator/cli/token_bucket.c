#include "cli/token_bucket.h"

enum { TOKEN = 1000, BURST_PER_SECOND = 20 };

/* Whole tokens that it holds; beyond them only the beginning of the next. */
static int64_t most_tokens(const struct token_bucket *bucket) {
    int64_t tokens = bucket->rate / BURST_PER_SECOND;
    return tokens > 0 ? tokens : 1;
}

struct token_bucket token_bucket_new(int64_t rate, int64_t now_ms) {
    struct token_bucket bucket = {.rate = rate, .at_ms = now_ms};
    bucket.level = most_tokens(&bucket) * TOKEN;
    return bucket;
}

/* A thousandth of a token is what a rate of 1 brings in a millisecond. */
static void refill(struct token_bucket *bucket, int64_t now_ms) {
    int64_t elapsed_ms = now_ms - bucket->at_ms, most = most_tokens(bucket) * TOKEN + TOKEN - 1;
    if (elapsed_ms <= 0)
        return;
    int64_t missing = most - bucket->level;
    bucket->level =
        elapsed_ms >= missing / bucket->rate + 1 ? most : bucket->level + elapsed_ms * bucket->rate;
    bucket->at_ms = now_ms;
}

bool token_bucket_take(struct token_bucket *bucket, int64_t now_ms) {
    if (bucket->rate == 0)
        return true;
    refill(bucket, now_ms);
    if (bucket->level < TOKEN)
        return false;
    bucket->level -= TOKEN;
    return true;
}

int64_t token_bucket_wait_ms(const struct token_bucket *bucket) {
    if (bucket->rate == 0 || bucket->level >= TOKEN)
        return 0;
    return (TOKEN - bucket->level + bucket->rate - 1) / bucket->rate;
}
