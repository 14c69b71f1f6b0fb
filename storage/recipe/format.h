/* SPDX-License-Identifier: Apache-2.0 */
/* What writer and reader of recipes share. */
#pragma once

#include "pkg/checksum/checksum.h"
#include "storage/recipe/recipe.h"

#define RECIPE_FORMAT      2
#define RECIPE_FORMAT_SUMS 2 /* the first with checksums */
/* A block is flushed when it passes 256 KiB; one more record fits whatever it is. */
#define RECIPE_RECORD_MAX (RECIPE_BLOCK_MAX - (512 << 10))

enum {
	RECIPE_FLAG_IN_TREE = 1,
	RECIPE_FLAG_PLACE = 2,
	RECIPE_FLAG_DIGEST = 4,
	RECIPE_FLAG_LINK = 8,
	RECIPE_FLAG_SPARSE = 16,
	RECIPE_FLAG_CHECKSUM = 32,
};
