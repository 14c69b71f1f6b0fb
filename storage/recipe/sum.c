/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/recipe/sum.h"

#include <string.h>

#include "pkg/checksum/checksum.h"
#include "pkg/text/text.h"

struct sum {
	struct checksum *checksum; /* one of the two */
	struct digest *digest;
};

int sum_new(enum recipe_sum_kind kind, struct sum **ret, struct error *err)
{
	auto_sum struct sum *sum = xcalloc(1, sizeof(*sum));
	int r = kind == RECIPE_SUM_DIGEST ? digest_new(NULL, &sum->digest, err) : checksum_new(&sum->checksum, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(sum);
	return 0;
}

void sum_free(struct sum *sum)
{
	if (sum->checksum)
		checksum_free(sum->checksum);
	if (sum->digest)
		digest_free(sum->digest);
	free(sum);
}

int sum_update(struct sum *sum, const void *data, size_t length, struct error *err)
{
	if (sum->digest)
		return digest_update(sum->digest, data, length, err);
	checksum_update(sum->checksum, data, length);
	return 0;
}

int sum_finish(struct sum *sum, struct recipe_sum *ret, struct error *err)
{
	*ret = (struct recipe_sum){.kind = sum->digest ? RECIPE_SUM_DIGEST : RECIPE_SUM_CHECKSUM};
	if (sum->digest)
		return digest_finish_raw(sum->digest, ret->value, err);
	checksum_finish(sum->checksum, ret->value);
	return 0;
}

bool sums_equal(const struct recipe_sum *a, const struct recipe_sum *b)
{
	return a->kind == b->kind && memcmp(a->value, b->value, sizeof(a->value)) == 0;
}
