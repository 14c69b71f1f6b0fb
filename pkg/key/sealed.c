/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys as cosign keeps them: in the PEM block is JSON,
 *
 *	{"kdf": {"name": "scrypt", "params": {"N": 32768, "r": 8, "p": 1}, "salt": BASE64},
 *	 "cipher": {"name": "nacl/secretbox", "nonce": BASE64}, "ciphertext": BASE64}
 *
 * secretbox authenticates, so that a wrong passphrase is told from a right one.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <string.h>

#include "pkg/base64/base64.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/json/json.h"
#include "pkg/key/internal.h"

enum {
	SCRYPT_N_MAX = 1 << 20,
	SCRYPT_R_MAX = 64,
	SCRYPT_P_MAX = 16,
};
/* Of memory, whatever the parameters ask for. */
#define SCRYPT_MEMORY_MAX ((uint64_t)512 * 1024 * 1024)

struct bytes {
	char *data;
	size_t length;
};

static void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
}

struct sealed {
	int64_t n, r, p;
	struct bytes salt, nonce, ciphertext;
};

static void sealed_free(struct sealed *sealed)
{
	bytes_free(&sealed->salt);
	bytes_free(&sealed->nonce);
	bytes_free(&sealed->ciphertext);
}

bool sealed_key_is(const char *text, size_t length)
{
	static const char *const labels[] = {"-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----",
					     "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"};
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (memmem(text, length, labels[i], strlen(labels[i])))
			return true;
	return false;
}

/* ---- reading ---- */

static int expect_name(struct json_object *object, const char *expected, struct error *err)
{
	const char *name = "";
	int r = json_get_string(object, "name", &name, err);
	if (r < 0)
		return r;
	return strcmp(name, expected) == 0
		   ? 0
		   : error_set(err, EOPNOTSUPP, "it is encrypted with \"%.50s\"; only %s is known", name, expected);
}

static int get_bytes(struct json_object *object, const char *key, struct bytes *ret, struct error *err)
{
	const char *text = NULL;
	int r = json_get_string(object, key, &text, err);
	if (r < 0)
		return r;
	return text && base64_decode(text, &ret->data, &ret->length, NULL) == 0
		   ? 0
		   : error_set(err, EINVAL, "%s: expected base64", key);
}

static int get_parameters(struct json_object *kdf, struct sealed *sealed, struct error *err)
{
	struct json_object *params = NULL;
	int r = json_get_object(kdf, "params", &params, err);
	if (r >= 0)
		r = json_get_int(params, "N", 2, SCRYPT_N_MAX, &sealed->n, err);
	if (r > 0)
		r = json_get_int(params, "r", 1, SCRYPT_R_MAX, &sealed->r, err);
	if (r > 0)
		r = json_get_int(params, "p", 1, SCRYPT_P_MAX, &sealed->p, err);
	if (r == 0)
		return error_set(err, EINVAL, "the parameters of scrypt are missing");
	return r < 0 ? r : get_bytes(kdf, "salt", &sealed->salt, err);
}

static int read_sealed(struct json_object *json, struct sealed *sealed, struct error *err)
{
	struct json_object *kdf = NULL, *cipher = NULL;
	int r = json_get_object(json, "kdf", &kdf, err);
	if (r >= 0)
		r = expect_name(kdf, "scrypt", err);
	if (r >= 0)
		r = get_parameters(kdf, sealed, err);
	if (r >= 0)
		r = json_get_object(json, "cipher", &cipher, err);
	if (r >= 0)
		r = expect_name(cipher, "nacl/secretbox", err);
	if (r >= 0)
		r = get_bytes(cipher, "nonce", &sealed->nonce, err);
	if (r >= 0)
		r = get_bytes(json, "ciphertext", &sealed->ciphertext, err);
	if (r < 0)
		return r;
	if (sealed->nonce.length != crypto_secretbox_NONCEBYTES ||
	    sealed->ciphertext.length < crypto_secretbox_MACBYTES)
		return error_set(err, EINVAL, "the encrypted key is not whole");
	return 0;
}

static int read_block(const char *text, size_t length, struct json_object **ret, struct error *err)
{
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long data_length;
	BIO *bio = BIO_new_mem_buf(text, (int)length);
	int r = bio && PEM_read_bio(bio, &name, &header, &data, &data_length) == 1
		    ? json_parse((char *)data, (size_t)data_length, "the encrypted key", ret, err)
		    : error_set(err, EINVAL, "the PEM block of the key is damaged");
	ERR_clear_error();
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(bio);
	return r;
}

/* ---- opening ---- */

static int open_box(const struct sealed *sealed, const char *passphrase, unsigned char *out, struct error *err)
{
	unsigned char secret[crypto_secretbox_KEYBYTES];
	if (EVP_PBE_scrypt(passphrase, strlen(passphrase), (unsigned char *)sealed->salt.data, sealed->salt.length,
			   (uint64_t)sealed->n, (uint64_t)sealed->r, (uint64_t)sealed->p, SCRYPT_MEMORY_MAX, secret,
			   sizeof(secret)) != 1) {
		ERR_clear_error();
		return error_set(err, EINVAL, "the parameters of scrypt are not valid");
	}
	int r = crypto_secretbox_open_easy(out, (unsigned char *)sealed->ciphertext.data, sealed->ciphertext.length,
					   (unsigned char *)sealed->nonce.data, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return r == 0 ? 0 : -EACCES;
}

int sealed_key_open(const char *text, size_t length, const char *passphrase, unsigned char **ret_der,
		    size_t *ret_length, struct error *err)
{
	auto_json struct json_object *json = NULL;
	CLEANUP(sealed_free) struct sealed sealed = {0};
	int r = read_block(text, length, &json, err);
	if (r == 0)
		r = read_sealed(json, &sealed, err);
	if (r != 0)
		return r;
	size_t size = sealed.ciphertext.length - crypto_secretbox_MACBYTES;
	unsigned char *der = OPENSSL_zalloc(size + 1);
	r = der ? open_box(&sealed, passphrase, der, err) : error_sys(err, ENOMEM, "read the key");
	if (r < 0) {
		OPENSSL_clear_free(der, size + 1);
		return r;
	}
	*ret_der = der;
	*ret_length = size;
	return 0;
}
