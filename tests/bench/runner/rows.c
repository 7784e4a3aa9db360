#include "bench/runner/rows.h"

#include "bench/runner/servers.h"

// clang-format off
const struct row rows[] = {
    {1, &drain_measurement, 0, "drain a backlog on the Pub/Sub emulator: receive, apply, decide, publish, ack",
        "@google-cloud/pubsub receives and acks it", "messages/s", 2.0, false, DURABILITY_DEFAULT},
    {2, &drain_measurement, 1, "processor time of the process in 1", "the Node process", "us/message", 0.3, true,
        DURABILITY_DEFAULT},
    {3, &drain_measurement, 2, "memory of the process in 1, peak resident", "the Node process", "MB", 0.2, true,
        DURABILITY_DEFAULT},
    {4, &flows_measurement, 0, "whole dates, five completions to group 4 done, Redis Streams",
        "BullMQ, a flow for each date", "dates/s", 10, false, DURABILITY_DEFAULT},
    {5, &flows_measurement, 1, "Redis memory of a finished date", "BullMQ, a flow", "bytes", 0.1, true,
        DURABILITY_DEFAULT},
    {5, &flows_measurement, 2, "the same with what the streams keep of its 14 messages", "BullMQ, a flow", "bytes", 0,
        true, DURABILITY_DEFAULT},
    {6, &apply_measurement, 0, "applying a completion: the store's function through the C client, pipelined",
        "redis-benchmark -P 64, EVAL of one HSET", "events/s", 0.25, false, DURABILITY_DEFAULT},
    {6, &apply_measurement, 1, "Redis' processor time for it", "for the EVAL", "us", 0, true, DURABILITY_DEFAULT},
    {7, &pubsub_delay_measurement, 0, "decision delay through the emulator at 50 dates/s, median", "a bare echo", "ms",
        0, true, DURABILITY_DEFAULT},
    {7, &pubsub_delay_measurement, 1, "the same, 99 %", "a bare echo", "ms", 1.5, true, DURABILITY_DEFAULT},
    {8, &embedded_delay_measurement, 0, "decision delay embedded, Redis Streams, at 50 dates/s, median",
        "XADD to XREADGROUP, once", "ms", 0, true, DURABILITY_DEFAULT},
    {8, &embedded_delay_measurement, 1, "the same, 99 %", "XADD to XREADGROUP, once", "ms", 3, true,
        DURABILITY_DEFAULT},
    {9, &many_dates_measurement, 0, "a backlog over Redis Streams with 1,000,000 dates of 34 more pipelines in the store",
        "with 1,000 dates of them", "events/s", 0.9, false, DURABILITY_DEFAULT},
    {10, &firestore_measurement, 0, "completions over the Pub/Sub emulator, one connection",
        "a Firestore transaction each, 50 at once", "completions/s", 50, false, DURABILITY_DEFAULT},
    {11, &start_measurement, 0, "start with 1,000 dates: exec to first message applied, Redis Streams", NULL, "ms", 0,
        true, DURABILITY_DEFAULT},
    {11, &pubsub_start_measurement, 0, "the same, Pub/Sub emulator", NULL, "ms", 0, true, DURABILITY_DEFAULT},
    {12, &replicas_measurement, 0, "a Cluster of 3 masters, 1 replica of phasegate", NULL, "events/s", 0, false,
        DURABILITY_DEFAULT},
    {12, &replicas_measurement, 1, "2 replicas", NULL, "events/s", 0, false, DURABILITY_DEFAULT},
    {12, &replicas_measurement, 2, "4 replicas", NULL, "events/s", 0, false, DURABILITY_DEFAULT},
    {12, &replicas_measurement, 3, "processor time of 1 replica", NULL, "us/event", 0, true, DURABILITY_DEFAULT},
    {12, &replicas_measurement, 4, "of 2 replicas, together", NULL, "us/event", 0, true, DURABILITY_DEFAULT},
    {12, &replicas_measurement, 5, "of 4 replicas, together", NULL, "us/event", 0, true, DURABILITY_DEFAULT},
    {12, &replicas_measurement, 6, "of the Cluster's six servers, with 1 replica of phasegate", NULL, "us/event", 0,
        true, DURABILITY_DEFAULT},
    {12, &replicas_measurement, 7, "of the Cluster's six servers, with 4", NULL, "us/event", 0, true,
        DURABILITY_DEFAULT},
};
// clang-format on

const size_t row_count = sizeof rows / sizeof *rows;
