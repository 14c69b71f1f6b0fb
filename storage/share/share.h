/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share: letting others read the images of a store, so that it can be an additional one of theirs.
 *
 * A layer has files that only their owner may read, and whoever uses the store has other ids. So everything of images
 * and layers gets the permission to be read by all (and a directory or a program that to be executed); what the modes
 * truly are the recipes know, by which the check, save and push go. A layer that has been opened says so in its
 * layer.json ("shared": true), and is passed over the next time. Containers and the store's own directories stay
 * closed.
 *
 * Killed at any moment it leaves less closed than before, and does the rest the next time.
 */
#pragma once

#include "storage/store/store.h"

struct shared {
	size_t images, layers; /* of the layers those that were opened now */
};
/* The caller holds store.lock and has one thread. */
int store_share(struct store *store, struct shared *ret, struct error *err);
