/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/key/key.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "pkg/base64/base64.h"
#include "pkg/file/file.h"
#include "pkg/key/internal.h"
#include "pkg/text/text.h"

enum { RSA_BITS_MIN = 2048 };

struct key {
	EVP_PKEY *pkey;
};

static inline void context_free(EVP_MD_CTX *context)
{
	EVP_MD_CTX_free(context);
}
DEFINE_CLEANUP(EVP_MD_CTX *, context_free)

void key_free(struct key *key)
{
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* Takes `pkey`, which is NULL when OpenSSL could not read it. */
static int key_take(EVP_PKEY *pkey, const char *name, struct key **ret, struct error *err)
{
	int type = pkey ? EVP_PKEY_base_id(pkey) : 0;
	ERR_clear_error();
	if ((type == EVP_PKEY_RSA && EVP_PKEY_bits(pkey) >= RSA_BITS_MIN) || type == EVP_PKEY_EC ||
	    type == EVP_PKEY_ED25519) {
		struct key *key = xcalloc(1, sizeof(*key));
		key->pkey = pkey;
		*ret = key;
		return 0;
	}
	EVP_PKEY_free(pkey);
	return error_set(err, EINVAL, "%s: a key for signatures is wanted: EC, Ed25519, or RSA of at least %d bits",
			 name, RSA_BITS_MIN);
}

/* ---- public keys ---- */

static EVP_PKEY *certificate_key(BIO *bio)
{
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY *pkey = certificate ? X509_get_pubkey(certificate) : NULL;
	X509_free(certificate);
	return pkey;
}

int key_parse_public(const char *text, size_t length, const char *name, struct key **ret, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(text, (int)length);
	if (!bio)
		return error_sys(err, ENOMEM, "read %s", name);
	bool certificate = memmem(text, length, PEM_STRING_X509, strlen(PEM_STRING_X509));
	EVP_PKEY *pkey = certificate ? certificate_key(bio) : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (pkey)
		return key_take(pkey, name, ret, err);
	ERR_clear_error();
	return error_set(err, EINVAL, "%s: there is no public key in it (\"-----BEGIN PUBLIC KEY-----\")", name);
}

/* ---- private keys ---- */

/* Without one of these OpenSSL would ask on the terminal. */
static int give_passphrase(char *buffer, int size, int for_writing, void *userdata)
{
	const char *passphrase = userdata;
	int length = 0;
	(void)for_writing;
	if (!passphrase)
		return -1;
	for (; passphrase[length]; length++) {
		if (length == size)
			return -1;
		buffer[length] = passphrase[length];
	}
	return length;
}

static int wrong_passphrase(const char *name, const char *passphrase, struct error *err)
{
	return error_set(err, EACCES,
			 passphrase ? "%s: the passphrase is not that of the key"
				    : "%s: the key is encrypted, and needs its passphrase",
			 name);
}

static int parse_pem(const char *text, size_t length, const char *name, const char *passphrase, struct key **ret,
		     struct error *err)
{
	BIO *bio = BIO_new_mem_buf(text, (int)length);
	if (!bio)
		return error_sys(err, ENOMEM, "read %s", name);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)passphrase);
	BIO_free(bio);
	if (pkey)
		return key_take(pkey, name, ret, err);
	ERR_clear_error();
	if (memmem(text, length, "ENCRYPTED", strlen("ENCRYPTED")))
		return wrong_passphrase(name, passphrase, err);
	return error_set(err, EINVAL, "%s: there is no private key in it (\"-----BEGIN PRIVATE KEY-----\")", name);
}

static int parse_der(const unsigned char *der, size_t length, const char *name, struct key **ret, struct error *err)
{
	const unsigned char *position = der;
	return key_take(d2i_AutoPrivateKey(NULL, &position, (long)length), name, ret, err);
}

int key_parse_private(const char *text, size_t length, const char *name, const char *passphrase, struct key **ret,
		      struct error *err)
{
	unsigned char *der;
	size_t der_length;
	if (!sealed_key_is(text, length))
		return parse_pem(text, length, name, passphrase, ret, err);
	int r = sealed_key_open(text, length, passphrase ? passphrase : "", &der, &der_length, err);
	if (r == -EACCES)
		return wrong_passphrase(name, passphrase, err);
	if (r < 0)
		return error_context(err, "%s", name);
	r = parse_der(der, der_length, name, ret, err);
	OPENSSL_clear_free(der, der_length);
	return r;
}

/* ---- files ---- */

int key_read_public(const char *path, struct key **ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(AT_FDCWD, path, KEY_FILE_MAX, &text, &length, err);
	return r < 0 ? r : key_parse_public(text, length, path, ret, err);
}

int key_read_private(const char *path, const char *passphrase_file, struct key **ret, struct error *err)
{
	char *text, *passphrase = NULL;
	size_t length, passphrase_length = 0;
	int r = file_read_at(AT_FDCWD, path, KEY_FILE_MAX, &text, &length, err);
	if (r < 0)
		return r;
	if (passphrase_file)
		r = file_read_at(AT_FDCWD, passphrase_file, KEY_FILE_MAX, &passphrase, &passphrase_length, err);
	if (passphrase)
		passphrase[strcspn(passphrase, "\r\n")] = '\0';
	if (r == 0)
		r = key_parse_private(text, length, path, passphrase, ret, err);
	OPENSSL_cleanse(text, length);
	free(text);
	if (passphrase)
		OPENSSL_cleanse(passphrase, passphrase_length);
	free(passphrase);
	return r;
}

/* ---- signatures ---- */

static const EVP_MD *hash_of(const struct key *key)
{
	return EVP_PKEY_base_id(key->pkey) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

int key_sign(const struct key *key, const void *data, size_t length, char **ret_signature, struct error *err)
{
	CLEANUP(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = 0;
	if (!context || EVP_DigestSignInit(context, NULL, hash_of(key), NULL, key->pkey) != 1 ||
	    EVP_DigestSign(context, NULL, &size, data, length) != 1)
		return ERR_clear_error(), error_set(err, EIO, "signing failed in OpenSSL");
	auto_free unsigned char *raw = xmalloc(size);
	if (EVP_DigestSign(context, raw, &size, data, length) != 1)
		return ERR_clear_error(), error_set(err, EIO, "signing failed in OpenSSL");
	*ret_signature = base64_encode(raw, size);
	return 0;
}

int key_verify(const struct key *key, const void *data, size_t length, const char *signature)
{
	CLEANUP(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	auto_free char *raw = NULL;
	size_t size;
	if (!context || base64_decode(signature, &raw, &size, NULL) < 0)
		return 0;
	int r = EVP_DigestVerifyInit(context, NULL, hash_of(key), NULL, key->pkey);
	if (r == 1)
		r = EVP_DigestVerify(context, (unsigned char *)raw, size, data, length);
	ERR_clear_error();
	return r == 1;
}
