/*
 * The inside of the fake Pub/Sub's server, for fake_pubsub_*.c only.
 *
 * One thread takes events from one completion queue. Everything is under one mutex: the thread holds it while
 * it handles an event, and each function of fake_pubsub.h while it runs. So both may start batches on calls.
 *
 * A call lives as long as gRPC owes it an event. The event of its end (RECV_CLOSE_ON_SERVER) is asked for
 * first and comes last, so a call may wait for its answer, or for ever in a black hole, without anybody
 * keeping count.
 */
#ifndef PHASEGATE_TESTS_FAKE_PUBSUB_SERVER_H
#define PHASEGATE_TESTS_FAKE_PUBSUB_SERVER_H

#include "support/fake_pubsub.h"
#include "support/fake_pubsub_store.h"

#include <pthread.h>
#include <sys/queue.h>

#include <grpc/grpc.h>
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

struct fake_call;

/* What an event stands for: a function to run on it. gRPC carries its address as the tag. */
struct fake_tag {
    void (*run)(struct fake_call *call, bool success);
    struct fake_call *call;
};

struct fake_answer {
    grpc_status_code status;
    char text[200];
    grpc_byte_buffer *body; /* only with GRPC_STATUS_OK */
};

/* The part of a call that only StreamingPull has. */
struct fake_stream {
    struct fake_subscription *subscription; /* NULL until the first request, and once it has ended */
    struct fake_pull pull;
    int delivered;
    bool sending; /* a response is under way: gRPC takes one at a time */
    bool ending;  /* ends with call->answer, at the latest when what is under way has been sent */
    bool lost;    /* opened in a black hole */
};

struct fake_call {
    struct fake_pubsub *fake;
    TAILQ_ENTRY(fake_call) link;
    grpc_call *call; /* NULL while it waits for a client */
    grpc_call_details details;
    grpc_metadata_array headers;
    enum fake_method method;
    grpc_byte_buffer *request; /* the one just received */
    int cancelled;
    int owed;    /* events to come */
    bool opened; /* initial metadata have been sent */
    struct fake_tag accepted, closed, received, sent, done;
    struct fake_answer answer;
    int64_t answer_at_ms; /* INT64_MAX: none is waiting */
    struct fake_stream stream;
};

struct fake_fault {
    int calls; /* still to be answered so */
    grpc_status_code status;
};

struct fake_faults {
    struct fake_fault refuse[FAKE_METHODS];
    struct fake_fault unconfirmed;
    int break_every;
    int delay_ms;
    int duplicate;
    bool lose_acks;
    bool black_hole;
};

struct fake_pubsub {
    pthread_mutex_t mutex;
    struct fake_pubsub_options options; /* with strings of its own */
    char address[32];
    struct fake_store store;
    struct fake_faults faults;
    int64_t ahead_ms; /* the clock of the leases, against real time */
    size_t calls_of[FAKE_METHODS];
    size_t answered_of[FAKE_METHODS];
    size_t extensions;
    json_t *headers_of[FAKE_METHODS];  /* of the last call, by name */
    int64_t deadline_of[FAKE_METHODS]; /* of the last call, ms from its arrival */
    TAILQ_HEAD(, fake_call) calls;
    grpc_server *server; /* NULL: stopped */
    grpc_completion_queue *queue;
    pthread_t thread;
    bool serving; /* batches may be started */
};

/* Monotonic milliseconds, and the same as leases see it. */
int64_t fake_now_ms(void);
int64_t fake_lease_now_ms(const struct fake_pubsub *fake);

/* --- fake_pubsub_call.c: any call ----------------------------------------------------------------------- */

/* Asks the server for one more call. */
void fake_call_request(struct fake_pubsub *fake);

/* Runs what the event stands for; frees the call when it was the last one owed. */
void fake_call_event(struct fake_tag *tag, bool success);

/* Starts a batch; nothing happens while the server is not serving. */
void fake_call_start(struct fake_call *call, const grpc_op *ops, size_t count, struct fake_tag *tag);

/* Asks for the client's next message; call->received runs with it. */
void fake_call_receive(struct fake_call *call);

/* Sends call->answer: the end of the call. */
void fake_call_answer(struct fake_call *call);

/* Sends the answers whose delay is over; the time of the next one, or INT64_MAX. */
int64_t fake_calls_answer_due(struct fake_pubsub *fake, int64_t now_ms);

/* Takes call->request apart as the method's request; NULL, with an answer in place, when it is not one. */
ProtobufCMessage *fake_call_unpack(struct fake_call *call, const ProtobufCMessageDescriptor *descriptor);

grpc_byte_buffer *fake_pack(const ProtobufCMessage *message);

/* --- fake_pubsub_stream.c: StreamingPull ---------------------------------------------------------------- */

void fake_stream_received(struct fake_call *call, bool success);
void fake_stream_sent(struct fake_call *call, bool success);

/* The client or the network has ended the stream. */
void fake_stream_gone(struct fake_call *call);

/* Ends the stream from our side. */
void fake_stream_end(struct fake_call *call, grpc_status_code status, const char *text);

/* Delivers what waits to streams that have room. */
void fake_streams_deliver(struct fake_pubsub *fake);

/* --- fake_pubsub_methods.c: what the methods do --------------------------------------------------------- */

/* The method of a path "/google.pubsub.v1.Publisher/Publish"; FAKE_METHODS when there is none. */
enum fake_method fake_method_of(grpc_slice path);

/* Handles a unary request: fills call->answer. */
void fake_method_run(struct fake_call *call);

/* Uses up one call of a fault; true when it strikes. */
bool fake_fault_strikes(struct fake_fault *fault);

/* Sets the answer to a failure. */
void fake_refuse(struct fake_answer *answer, grpc_status_code status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Acks, or sets the lease of, what the ack id stands for; ids of other subscriptions are ignored. */
void fake_ack(struct fake_pubsub *fake, struct fake_subscription *subscription, const char *ack_id);
void fake_modify_deadline(
    struct fake_pubsub *fake, struct fake_subscription *subscription, const char *ack_id, int seconds);

enum { ACK_ID_MAX = 200 };

/* An opaque id as long as production's; copy tells duplicates of one delivery apart. Returns text. */
char *fake_ack_id(
    const struct fake_subscription *subscription, uint32_t slot, int copy, char text[ACK_ID_MAX]);

#endif
