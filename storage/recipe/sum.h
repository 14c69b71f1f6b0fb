/* SPDX-License-Identifier: Apache-2.0 */
/* sum: computes what recipes know contents by, of whichever kind that is. */
#pragma once

#include "storage/recipe/recipe.h"

struct sum;

/* `kind` is one of those that there are: not NONE. */
int sum_new(enum recipe_sum_kind kind, struct sum **ret, struct error *err);
void sum_free(struct sum *sum);
DEFINE_CLEANUP(struct sum *, sum_free)
#define auto_sum CLEANUP(sum_freep)

int sum_update(struct sum *sum, const void *data, size_t length, struct error *err);
/* Of what was given since the beginning; begins anew. */
int sum_finish(struct sum *sum, struct recipe_sum *ret, struct error *err);

/* Of the same kind, and the same. */
bool sums_equal(const struct recipe_sum *a, const struct recipe_sum *b);
