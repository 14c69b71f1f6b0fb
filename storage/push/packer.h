/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packer: layers of the store as compressed tars again, in a child process that is root in the user namespace, since
 * files have several owners and not all can be read by this user. It makes the tar from the recipe, compresses it, and
 * sends it through a socket, a piece at a time, as it is read. It dies with its parent.
 */
#pragma once

#include "pkg/stream/stream.h"
#include "storage/store/store.h"

struct packer;
/* The caller has one thread. `level` -1: the default. */
int packer_start(struct store *store, enum stream_compression compression, int level, struct packer **ret,
		 struct error *err);
void packer_free(struct packer *packer);
DEFINE_CLEANUP(struct packer *, packer_free)
#define auto_packer CLEANUP(packer_freep)

/* The compressed tar of the layer; one at a time. What is damaged is found while it is read: what was read is good when
 * the end was seen. Closing it earlier waits until it has been made all the same. */
int packer_open(struct packer *packer, const char *diff_id, struct stream **ret, struct error *err);
