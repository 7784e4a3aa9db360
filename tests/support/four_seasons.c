#include "support/four_seasons.h"

/* Of the data's season_starts.csv; a season has about 230 game dates, and every ninth day is off. */
static const struct {
    game_date first;
    int dates;
} seasons[] = {
    {18919, 230}, /* 2021-10-19 */
    {19283, 229}, /* 2022-10-18 */
    {19654, 230}, /* 2023-10-24 */
    {20018, 229}, /* 2024-10-22 */
};

void four_seasons_dates(game_date dates[FOUR_SEASONS_DATES]) {
    int count = 0;
    for (size_t s = 0; s < sizeof seasons / sizeof seasons[0]; s++) {
        int day = 0;
        for (int played = 0; played < seasons[s].dates; day++)
            if (day % 9 != 8) {
                dates[count++] = seasons[s].first + day;
                played++;
            }
    }
}
