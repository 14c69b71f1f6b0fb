/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/digest/pair.h"

#include "pkg/digest/sha256.h"
#include "pkg/text/text.h"

struct digest_pair {
	bool native;
	struct sha256 native_whole, native_part;
	struct digest *whole, *part; /* otherwise */
};

int digest_pair_new(struct digest_pair **ret, struct error *err)
{
	auto_digest_pair struct digest_pair *pair = xcalloc(1, sizeof(*pair));
	pair->native = sha256_is_native();
	sha256_begin(&pair->native_whole);
	sha256_begin(&pair->native_part);
	int r = digest_new(NULL, &pair->whole, err);
	if (r == 0)
		r = digest_new(NULL, &pair->part, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pair);
	return 0;
}

void digest_pair_free(struct digest_pair *pair)
{
	if (pair->whole)
		digest_free(pair->whole);
	if (pair->part)
		digest_free(pair->part);
	free(pair);
}

void digest_pair_forgo_native(struct digest_pair *pair)
{
	pair->native = false;
}

int digest_pair_update(struct digest_pair *pair, bool part, const void *data, size_t length, struct error *err)
{
	if (pair->native && part)
		sha256_add_both(&pair->native_whole, &pair->native_part, data, length);
	else if (pair->native)
		sha256_add(&pair->native_whole, data, length);
	if (pair->native)
		return 0;
	int r = digest_update(pair->whole, data, length, err);
	return r < 0 || !part ? r : digest_update(pair->part, data, length, err);
}

static int end(bool native, struct sha256 *sha, struct digest *digest, unsigned char *out, struct error *err)
{
	if (!native)
		return digest_finish_raw(digest, out, err);
	sha256_end(sha, out);
	sha256_begin(sha);
	return 0;
}

int digest_pair_end_part(struct digest_pair *pair, unsigned char *out, struct error *err)
{
	return end(pair->native, &pair->native_part, pair->part, out, err);
}

int digest_pair_end(struct digest_pair *pair, unsigned char *out, struct error *err)
{
	return end(pair->native, &pair->native_whole, pair->whole, out, err);
}
