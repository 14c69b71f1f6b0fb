/* SPDX-License-Identifier: Apache-2.0 */
/* image_forest: images as trees, each below the one that it was made of. */
#pragma once

#include "storage/image/image.h"

int image_forest_print(struct store *store, struct image *const *images, size_t count, bool no_heading,
		       struct error *err);
