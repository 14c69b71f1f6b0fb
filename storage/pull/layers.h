/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers: those of an image that are not in the store are brought there.
 *
 * Theory of operation. It goes in rounds. In each one every missing layer is claimed (storage/pull/partial.h) that
 * nobody else is fetching; the claimed ones are fetched and unpacked, several at once, then written to the disk
 * together, placed, and let go. What others were fetching is there in the next round, or, if they failed, can be
 * claimed then. When nothing could be claimed one layer is waited for. Nobody waits while he holds what somebody else
 * may be waiting for, so that two who pull the same layers in any order cannot stop each other.
 *
 * A layer is fetched by a thread of its own (storage/pull/feed.h), which writes it to its partial file; a child process
 * unpacks what is in the file, from its beginning and while it is growing (storage/unpack). That one also checks the
 * digests, of old bytes as of new ones; where the old ones were wrong the layer is fetched again from its beginning, once.
 *
 * No lock on the store is held while bytes are coming: layers that were there at first can be gone at the end. They
 * are looked for again under the lock, and what is missing then makes another round.
 */
#pragma once

#include "pkg/progress/progress.h"
#include "storage/manifest/manifest.h"
#include "storage/remote/remote.h"
#include "storage/unpack/batch.h"

struct layers_request {
	struct store *store;
	const struct remote *remote;
	const struct manifest *manifest;
	const struct strv *diff_ids;
	struct progress *progress; /* NULL: none */
};
/* On success all layers are in place and `*ret_lock` holds store.lock, shared. The caller has one thread. */
int layers_fetch(const struct layers_request *request, int *ret_lock, int64_t *ret_size, struct error *err);
