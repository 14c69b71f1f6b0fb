/* SPDX-License-Identifier: Apache-2.0 */
/* image_users: which containers have an image, for those who remove it. */
#pragma once

#include "storage/image/image.h"
#include "storage/store/store.h"

/* The ids of the containers that were made of the image or have it mounted; image NULL: all containers. The answer is good for as long as the
 * caller has the store's lock (store_lock()). */
int image_users(struct store *store, const struct image *image, struct strv *ret, struct error *err);

/* Takes the name away that the text says. */
int image_untag_text(struct store *store, const char *text, struct error *err);

/* As `rmi` without --force: removes one of the image's names, or the image with its last one, or by id with all, unless a container has it. 0 in
 * both cases, and when it is not there. */
int image_remove_unused(struct store *store, const char *given, struct error *err);
