#pragma once
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* What OpenSSL offers only as macros, which Swift cannot call. */

static inline void mimd_ssl_ctx_prepare(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* One call of the kernel for each record, not one for its header and one for its content. */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
}
static inline int mimd_ssl_ctx_set_versions(SSL_CTX *context, int lowest, int highest) {
    return SSL_CTX_set_min_proto_version(context, lowest) == 1 && SSL_CTX_set_max_proto_version(context, highest) == 1;
}
static inline void mimd_ssl_ctx_no_tickets(SSL_CTX *context) { SSL_CTX_set_options(context, SSL_OP_NO_TICKET); }
static inline void mimd_ssl_ctx_set_cache(SSL_CTX *context, int is_on) {
    SSL_CTX_set_session_cache_mode(context, is_on ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
}
static inline void mimd_ssl_ctx_auto_dh(SSL_CTX *context) { SSL_CTX_set_dh_auto(context, 1); }
static inline int mimd_ssl_is_tls13(const SSL *ssl) { return SSL_version(ssl) == TLS1_3_VERSION; }
static inline EVP_PKEY *mimd_p256_key(void) { return EVP_EC_gen("P-256"); }
#define MIMD_MBSTRING_UTF8 0x1000
