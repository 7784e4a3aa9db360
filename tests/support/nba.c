#include "support/nba.h"

#define UPSTREAM (SET(PGS) | SET(UPGC) | SET(UTGC) | SET(TOGS) | SET(TDGS))

static const char *const ml_feature_store_aliases[] = {"ml_feature_store_v2"};

#define PROCESSOR(index_, group_, name_, abbr_)                                                              \
    .index = (index_), .group = (group_), .name = (name_), .abbr = (abbr_), .min_rows = 1,                   \
    .min_coverage = 0.95
#define GROUP(number_) .number = (number_), .backfill_cap = 15

static const struct processor processors[NBA_PROCESSORS] = {
    [PGS] = {PROCESSOR(PGS, 0, "player_game_summary", "pgs")},
    [UPGC] = {PROCESSOR(UPGC, 0, "upcoming_player_game_context", "upgc")},
    [UTGC] = {PROCESSOR(UTGC, 0, "upcoming_team_game_context", "utgc")},
    [TOGS] = {PROCESSOR(TOGS, 0, "team_offense_game_summary", "togs")},
    [TDGS] = {PROCESSOR(TDGS, 0, "team_defense_game_summary", "tdgs")},
    [PSZA] = {PROCESSOR(PSZA, 1, "player_shot_zone_analysis", "psza")},
    [TDZA] = {PROCESSOR(TDZA, 1, "team_defense_zone_analysis", "tdza")},
    [PCF] = {PROCESSOR(PCF, 2, "player_composite_factors", "pcf")},
    [PDC] = {PROCESSOR(PDC, 3, "player_daily_cache", "pdc")},
    [MLFS] = {PROCESSOR(MLFS, 4, "ml_feature_store", "mlfs"), .aliases = ml_feature_store_aliases,
        .alias_count = 1},
};

static const struct group groups[] = {
    {GROUP(1), .members = SET(TDZA) | SET(PSZA), .needs = UPSTREAM},
    {GROUP(2), .members = SET(PCF), .needs = SET(TDZA) | SET(PSZA) | SET(UPGC) | SET(UTGC)},
    {GROUP(3), .members = SET(PDC), .needs = SET(PCF) | SET(PSZA) | SET(UPGC) | SET(PGS) | SET(TOGS)},
    {GROUP(4), .members = SET(MLFS), .needs = UPSTREAM | SET(PSZA) | SET(TDZA) | SET(PCF) | SET(PDC)},
};

static const struct source completions[] = {
    {.topic = "nba-phase3-complete", .subscription = "phasegate-nba-phase3"},
    {.topic = "nba-phase4-complete", .subscription = "phasegate-nba-phase4"},
};

static const struct pipeline nba = {
    .name = "nba",
    .processors = processors,
    .processor_count = NBA_PROCESSORS,
    .groups = groups,
    .group_count = sizeof groups / sizeof *groups,
    .upstream = UPSTREAM,
    .completions = completions,
    .completion_count = sizeof completions / sizeof *completions,
    .triggers = {.topic = "nba-phase4-trigger"},
    .phase = "phase_4_precompute",
    .rerun = RERUN_AUTO,
    .rerun_settle = 600,
    .upstream_deadline = 6 * 3600,
    .group_deadline = 2 * 3600,
    .on_stall = STALL_REPORT,
    .retrigger_limit = 3,
    .games_file = "",
    .seasons_file = "",
    .bootstrap_days = 14,
    .definition =
        "pgs,upgc,utgc,togs,tdgs;psza,tdza<pgs,upgc,utgc,togs,tdgs;pcf<upgc,utgc,psza,tdza"
        ";pdc<pgs,upgc,togs,psza,pcf;mlfs<pgs,upgc,utgc,togs,tdgs,psza,tdza,pcf,pdc"
        ";@600000,21600000,7200000,0",
};

const struct pipeline *nba_pipeline(void) {
    return &nba;
}
