#include "support/resting_months.h"

#include <stdlib.h>

void resting_months_add(struct redis_server *server, game_date date, int count) {
    char month[MONTH_TEXT_MAX];
    for (int i = 0; i < count; i++, date = date_next_month(date)) {
        month_format(date, month);
        redis_server_do(server, "ZADD pg:{nba}:months %d %s", atoi(month) * 100 + atoi(month + 5), month);
    }
}
