/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/digest/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "pkg/text/text.h"

struct digest {
	EVP_MD_CTX *context;
	const EVP_MD *algorithm;
	const char *name;
};

static int crypto_failed(struct error *err)
{
	return error_set(err, EIO, "computing a digest failed in OpenSSL");
}

int digest_new(const char *algorithm, struct digest **ret, struct error *err)
{
	bool long_one = algorithm && text_starts_with(algorithm, "sha512");
	if (algorithm && !long_one && !text_starts_with(algorithm, "sha256"))
		return error_set(err, EOPNOTSUPP, "unknown digest algorithm in \"%s\"; sha256 and sha512 are known",
				 algorithm);
	struct digest *digest = xcalloc(1, sizeof(*digest));
	digest->context = EVP_MD_CTX_new();
	digest->algorithm = long_one ? EVP_sha512() : EVP_sha256();
	digest->name = long_one ? "sha512" : "sha256";
	if (!digest->context || !EVP_DigestInit_ex(digest->context, digest->algorithm, NULL)) {
		digest_free(digest);
		return crypto_failed(err);
	}
	*ret = digest;
	return 0;
}

void digest_free(struct digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

int digest_update(struct digest *digest, const void *data, size_t length, struct error *err)
{
	return EVP_DigestUpdate(digest->context, data, length) ? 0 : crypto_failed(err);
}

static void add_hex(char *out, const unsigned char *raw, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < length; i++) {
		*out++ = digits[raw[i] >> 4];
		*out++ = digits[raw[i] & 15];
	}
	*out = '\0';
}

static int finish(struct digest *digest, unsigned char *raw, unsigned int *ret_length, struct error *err)
{
	if (!EVP_DigestFinal_ex(digest->context, raw, ret_length) || !EVP_DigestInit_ex(digest->context, NULL, NULL))
		return crypto_failed(err);
	return 0;
}

int digest_finish(struct digest *digest, char *out, struct error *err)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	int r = finish(digest, raw, &length, err);
	if (r < 0)
		return r;
	memcpy(out, digest->name, 6);
	out[6] = ':';
	add_hex(out + 7, raw, length);
	return 0;
}

int digest_finish_raw(struct digest *digest, unsigned char *out, struct error *err)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	int r = finish(digest, raw, &length, err);
	if (r < 0)
		return r;
	memcpy(out, raw, DIGEST_SHA256_SIZE);
	return 0;
}

void digest_text(const unsigned char *raw, char *out)
{
	snprintf(out, 8, "sha256:");
	add_hex(out + 7, raw, DIGEST_SHA256_SIZE);
}

static int digest_of_like(const void *data, size_t length, const char *algorithm, char *out, struct error *err)
{
	auto_digest struct digest *digest = NULL;
	int r = digest_new(algorithm, &digest, err);
	if (r < 0 || !digest)
		return r;
	r = digest_update(digest, data, length, err);
	return r < 0 ? r : digest_finish(digest, out, err);
}

int digest_of(const void *data, size_t length, char *out, struct error *err)
{
	return digest_of_like(data, length, NULL, out, err);
}

int digest_check(const void *data, size_t length, const char *expected, const char *what, struct error *err)
{
	char found[DIGEST_TEXT_MAX];
	int r = digest_of_like(data, length, expected, found, err);
	if (r < 0)
		return r;
	if (strcmp(found, expected) != 0)
		return error_set(err, EBADMSG, "%s is damaged: its digest is %s, not %s", what, found, expected);
	return 0;
}
