/*
 * Throw-away files for TLS, made with the openssl program: a certificate for localhost that is its own
 * authority, and a Google service account's key as GOOGLE_APPLICATION_CREDENTIALS names it.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_TLS_FILES_H
#define PHASEGATE_TESTS_SUPPORT_TLS_FILES_H

#include "base/result.h"

enum { TLS_PATH_MAX = 128 };

/* Paths to PEM files; the certificate is also what a client has to trust. */
struct tls_certificate {
    char certificate[TLS_PATH_MAX];
    char key[TLS_PATH_MAX];
};

/* Makes <directory>/<name>.pem and <name>.key. CODE_NOT_FOUND when there is no openssl. */
struct result tls_certificate_make(
    const char *directory, const char *name, struct tls_certificate *certificate) MUST_CHECK;

/* Makes <directory>/account.json: an account of this e-mail address, with a new RSA key. */
struct result tls_account_make(const char *directory, const char *email, char path[TLS_PATH_MAX]) MUST_CHECK;

/* A file's content, to be freed by the caller; NULL when it cannot be read. */
char *tls_file_read(const char *path);

#endif
