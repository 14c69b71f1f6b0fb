/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: public and private keys in PEM, and signatures with them as sigstore makes them: ECDSA of the SHA-256 (ASN.1),
 * RSA of the SHA-256 (PKCS #1 v1.5, at least 2048 bits), Ed25519 of the data itself. Over OpenSSL; libsodium opens the
 * form in which cosign and skopeo keep private keys ("ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY":
 * JSON that names scrypt for the passphrase and nacl/secretbox for the PKCS #8 key). Secrets are overwritten before
 * their memory is given back.
 *
 * Linked only by the programs that move images.
 */
#pragma once

#include <stddef.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"

struct key;
void key_free(struct key *key);
DEFINE_CLEANUP(struct key *, key_free)
#define auto_key CLEANUP(key_freep)

/* The first block of the text must be a public key ("PUBLIC KEY", or a certificate's). `name` is for the error text. */
int key_parse_public(const char *text, size_t length, const char *name, struct key **ret, struct error *err);
/* A private key: PKCS #8, also encrypted, the older forms of EC and RSA, or cosign's. `passphrase` NULL: none is known.
 * -EACCES: it needs another passphrase. */
int key_parse_private(const char *text, size_t length, const char *name, const char *passphrase, struct key **ret,
		      struct error *err);
/* Files of at most KEY_FILE_MAX bytes. What ends the line in a passphrase file is not part of the passphrase; NULL:
 * none. */
#define KEY_FILE_MAX ((size_t)64 * 1024)
int key_read_public(const char *path, struct key **ret, struct error *err);
int key_read_private(const char *path, const char *passphrase_file, struct key **ret, struct error *err);

/* The signature in base64; malloc'd. */
int key_sign(const struct key *key, const void *data, size_t length, char **ret_signature, struct error *err);
/* 1: it is one, of these bytes by this key; 0: not, whatever it is instead. */
int key_verify(const struct key *key, const void *data, size_t length, const char *signature);
