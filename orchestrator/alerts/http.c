#include "alerts/http.h"

#include "base/private_memory.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 5000, RETRY_AFTER_MAX_S = 3600 };

struct http {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    struct watch *watches;
    size_t handles;             /* that have not left the loop */
    http_answered_fn *answered; /* NULL: nothing is under way */
    void *context;
    void (*closed)(void *context);
    void *closed_context;
    char error[CURL_ERROR_SIZE];
    char secret[]; /* the address's path and query */
};

/* One socket of libcurl's. */
struct watch {
    struct watch *next;
    struct http *http;
    uv_poll_t poll;
    curl_socket_t socket;
};

/* --- libcurl's memory ----------------------------------------------------------------------------------- */

static void *alloc_zeroed(size_t count, size_t size) {
    size_t all;
    return __builtin_mul_overflow(count, size, &all) ? NULL : private_alloc(all);
}

static char *copy_text(const char *text) {
    char *copy = private_alloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

/* The address is in its handles, its buffers, and wherever it takes an address apart. */
static struct result start_libcurl(void) {
    if (curl_global_init_mem(
            CURL_GLOBAL_DEFAULT, private_alloc, private_free, private_realloc, copy_text, alloc_zeroed)
        != CURLE_OK)
        return fail(CODE_INTERNAL, "libcurl cannot be set up");
    return ok();
}

/* --- Addresses ------------------------------------------------------------------------------------------ */

static bool is_this_machine(const char *host) {
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0;
}

static struct result check_parts(CURLU *parts) {
    char *scheme = NULL, *host = NULL;
    struct result result = ok();
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK
        || curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        result = fail(CODE_INTERNAL, "out of memory");
    else if (strcmp(scheme, "http") == 0 && !is_this_machine(host))
        result = fail(CODE_INVALID, "begins with http://, so it could be read on its way; expected https://");
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        result = fail(CODE_INVALID, "expected an address that begins with https://");
    curl_free(scheme);
    curl_free(host);
    return result;
}

static struct result check_address(const char *url) {
    CURLU *parts = curl_url();
    if (!parts)
        return fail(CODE_INTERNAL, "out of memory");
    struct result result = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
        ? check_parts(parts)
        : fail(CODE_INVALID, "is no address; expected one that begins with https://");
    curl_url_cleanup(parts);
    return result;
}

struct result http_check(const char *url) {
    struct result result = start_libcurl();
    if (!is_ok(result))
        return result;
    result = check_address(url);
    curl_global_cleanup();
    return result;
}

/* --- The end of a post ---------------------------------------------------------------------------------- */

/* libcurl's own words say more than the code's name, but must not say where to. */
static const char *failure_text(const struct http *http, CURLcode code) {
    if (http->error[0] == '\0' || (strlen(http->secret) > 1 && strstr(http->error, http->secret)))
        return curl_easy_strerror(code);
    return http->error;
}

static void tell(struct http *http, CURLcode code) {
    long status = 0;
    curl_off_t retry_after = 0;
    http_answered_fn *answered = http->answered;
    struct http_answer answer = {.failure = failure_text(http, code)};
    if (code == CURLE_OK) {
        curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &retry_after);
        retry_after = retry_after < RETRY_AFTER_MAX_S ? retry_after : RETRY_AFTER_MAX_S;
        answer = (struct http_answer){.status = (int)status, .retry_after_ms = (int64_t)retry_after * 1000};
    }
    http->answered = NULL;
    answered(http->context, &answer);
}

static void tell_finished(struct http *http) {
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left));) {
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_multi_remove_handle(http->multi, http->easy);
        tell(http, code);
        return; /* there was one, and telling of it may have begun another or closed it all */
    }
}

/* --- Sockets and time, for libcurl ---------------------------------------------------------------------- */

static void note_closed(struct http *http) {
    if (--http->handles > 0)
        return;
    void (*closed)(void *) = http->closed;
    void *context = http->closed_context;
    curl_slist_free_all(http->headers);
    private_free(http);
    curl_global_cleanup();
    closed(context);
}

static void on_watch_closed(uv_handle_t *handle) {
    struct watch *watch = handle->data;
    struct http *http = watch->http;
    free(watch);
    note_closed(http);
}

static void on_poll(uv_poll_t *poll, int status, int happened) {
    struct watch *watch = poll->data;
    struct http *http = watch->http;
    int running, bits = status < 0 ? CURL_CSELECT_ERR : 0;
    bits |= happened & UV_READABLE ? CURL_CSELECT_IN : 0;
    bits |= happened & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(http->multi, watch->socket, bits, &running);
    tell_finished(http);
}

static struct watch *watch_new(struct http *http, curl_socket_t socket) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch || uv_poll_init_socket(http->loop, &watch->poll, socket) != 0) {
        free(watch);
        return NULL;
    }
    watch->http = http;
    watch->socket = socket;
    watch->poll.data = watch;
    watch->next = http->watches;
    http->watches = watch;
    http->handles++;
    return watch;
}

static void watch_close(struct watch *watch) {
    struct watch **at = &watch->http->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *of_socket) {
    struct http *http = context;
    struct watch *watch = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            watch_close(watch);
        return 0;
    }
    if (!watch && !(watch = watch_new(http, socket)))
        return -1;
    curl_multi_assign(http->multi, socket, watch);
    int wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, wanted, on_poll) == 0 ? 0 : -1;
}

static void on_timeout(uv_timer_t *timer) {
    struct http *http = timer->data;
    int running;
    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    tell_finished(http);
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *context) {
    struct http *http = context;
    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&http->timer);
    else
        uv_timer_start(&http->timer, on_timeout, (uint64_t)timeout_ms, 0);
    return 0;
}

/* What the server writes back is of no use, and could repeat the address. */
static size_t discard(char *data, size_t size, size_t count, void *context) {
    (void)data;
    (void)context;
    return size * count;
}

/* --- Posting -------------------------------------------------------------------------------------------- */

void http_post(struct http *http, const char *json, http_answered_fn *answered, void *context) {
    http->answered = answered;
    http->context = context;
    http->error[0] = '\0';
    curl_easy_setopt(http->easy, CURLOPT_POSTFIELDS, json);
    curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(json));
    curl_multi_add_handle(http->multi, http->easy);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static void ignore_broken_pipes(void) {
    struct sigaction present;
    if (sigaction(SIGPIPE, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

static bool add_header(struct http *http, const char *header) {
    struct curl_slist *longer = curl_slist_append(http->headers, header);
    http->headers = longer ? longer : http->headers;
    return longer != NULL;
}

/* QUICK_EXIT: a name that is still being looked up when the time is over is not waited for. HTTP/1.1: what
 * speaks HTTP/2 for libcurl has memory of its own, which is not private. */
static bool set_options(struct http *http, const char *url) {
    CURL *easy = http->easy;
    return add_header(http, "Content-Type: application/json") && add_header(http, "Expect:")
        && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)HTTP_TIMEOUT_MS) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_USERAGENT, "phasegate/" PHASEGATE_VERSION) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error) == CURLE_OK
        && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard) == CURLE_OK
        && curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK
        && curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) == CURLM_OK
        && curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) == CURLM_OK
        && curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) == CURLM_OK;
}

static const char *path_of(const char *url) {
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return path ? path : "";
}

static struct result make(uv_loop_t *loop, const char *url, struct http **http) {
    const char *secret = path_of(url);
    struct http *made = private_alloc(sizeof *made + strlen(secret) + 1);
    if (!made)
        return fail(CODE_INTERNAL, "out of memory");
    strcpy(made->secret, secret);
    made->loop = loop;
    made->easy = curl_easy_init();
    made->multi = curl_multi_init();
    if (!made->easy || !made->multi || !set_options(made, url)) {
        curl_easy_cleanup(made->easy);
        curl_multi_cleanup(made->multi);
        curl_slist_free_all(made->headers);
        private_free(made);
        return fail(CODE_INTERNAL, "libcurl cannot be set up");
    }
    *http = made;
    return ok();
}

struct result http_open(uv_loop_t *loop, const char *url, struct http **http) {
    struct result result = start_libcurl();
    if (!is_ok(result))
        return result;
    result = curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS
        ? make(loop, url, http)
        : fail(CODE_REFUSED, "this libcurl looks up names without letting go of the caller (no AsynchDNS)");
    if (!is_ok(result)) {
        curl_global_cleanup();
        return result;
    }
    ignore_broken_pipes();
    uv_timer_init(loop, &(*http)->timer);
    (*http)->timer.data = *http;
    (*http)->handles = 1;
    return ok();
}

static void on_timer_closed(uv_handle_t *handle) {
    note_closed(handle->data);
}

void http_close(struct http *http, void (*closed)(void *context), void *context) {
    http->closed = closed;
    http->closed_context = context;
    if (http->answered)
        curl_multi_remove_handle(http->multi, http->easy);
    curl_easy_cleanup(http->easy);
    curl_multi_cleanup(http->multi);
    while (http->watches)
        watch_close(http->watches);
    uv_close((uv_handle_t *)&http->timer, on_timer_closed);
}
