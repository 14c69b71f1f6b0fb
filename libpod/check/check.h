/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: whether the containers are what the store says they are: their records, their images and layers, their mapping, their
 * driver, their names. See storage/check for the rest of the store.
 *
 * A container whose lock is held is one that lives, or that is being made or removed just now; of such a one only that is looked at
 * which cannot change.
 */
#pragma once

#include "storage/check/check.h"

/* Every container. After check_images(). Adds the ids of those that cannot be started to `ret_damaged`, and the diff ids that
 * containers have to `ret_layers`. */
int check_containers(struct check *check, struct strv *ret_damaged, struct strv *ret_layers, struct error *err);
/* Every name. */
int check_names(struct check *check, struct error *err);
/* Every volume, and that those which containers have are there. What is in a volume is never touched. */
int check_volumes(struct check *check, struct error *err);
/* Removes these containers, those of the damaged images, and these images: what cannot be mended. */
int check_remove_damaged(struct check *check, const struct strv *containers, struct error *err);
