#include "support/tls_files.h"

#include "support/process.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPENSSL_MS = 30000, FILE_MAX_BYTES = 65536 };

static struct result run(const char *const argv[], const char *directory) {
    char output[TLS_PATH_MAX];
    snprintf(output, sizeof output, "%s/openssl.log", directory);
    struct process process = PROCESS_NONE;
    struct result r = process_spawn(argv, NULL, output, &process);
    if (!is_ok(r))
        return r;
    char tail[240];
    if (!process_wait(&process, OPENSSL_MS)) {
        process_kill(&process);
        return fail(CODE_UNAVAILABLE, "openssl: no end after %d ms", OPENSSL_MS);
    }
    if (process.status != 0)
        return fail(CODE_INTERNAL, "openssl: status %d: %s", process.status,
            process_output_tail(&process, tail, sizeof tail));
    return ok();
}

struct result tls_certificate_make(
    const char *directory, const char *name, struct tls_certificate *certificate) {
    struct tls_certificate made;
    snprintf(made.certificate, sizeof made.certificate, "%s/%s.pem", directory, name);
    snprintf(made.key, sizeof made.key, "%s/%s.key", directory, name);
    const char *const argv[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-keyout", made.key, "-out", made.certificate, NULL};
    struct result r = run(argv, directory);
    if (is_ok(r))
        *certificate = made;
    return r;
}

char *tls_file_read(const char *path) {
    FILE *file = fopen(path, "r");
    char *text = file ? calloc(1, FILE_MAX_BYTES + 1) : NULL;
    if (text && fread(text, 1, FILE_MAX_BYTES, file) == 0) {
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static struct result write_account(const char *path, const char *email, const char *key) {
    json_t *account = json_pack("{ss ss ss ss ss ss ss}", "type", "service_account", "project_id", "test",
        "private_key_id", "0123456789abcdef", "private_key", key, "client_email", email, "client_id",
        "123456789012345678901", "token_uri", "https://oauth2.invalid/token");
    bool written = account && json_dump_file(account, path, JSON_INDENT(2)) == 0;
    json_decref(account);
    return written ? ok() : fail(CODE_INTERNAL, "%s: cannot be written", path);
}

struct result tls_account_make(const char *directory, const char *email, char path[TLS_PATH_MAX]) {
    char key_path[TLS_PATH_MAX];
    snprintf(key_path, sizeof key_path, "%s/account.key", directory);
    snprintf(path, TLS_PATH_MAX, "%s/account.json", directory);
    const char *const argv[] = {"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
        "-out", key_path, NULL};
    struct result r = run(argv, directory);
    if (!is_ok(r))
        return r;
    char *key = tls_file_read(key_path);
    r = key ? write_account(path, email, key) : fail(CODE_INTERNAL, "%s: cannot be read", key_path);
    free(key);
    return r;
}
