/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push: a list becomes an index in a registry.
 *
 * First its images, each under its digest alone: those that are here as `push` sends them (storage/push), after which
 * their manifests, and so their digests and sizes in the index, can be others than in the list; those of other places
 * in a registry as they are, byte for byte, blobs being mounted where it is the same registry and else read from one
 * and sent to the other. Then the index, under the name that was asked for: who pulls finds the whole or what was there
 * before.
 */
#pragma once

#include "storage/list/list.h"
#include "storage/push/push.h"

struct list_push_request {
	const char *name; /* of the list */
	struct push_request
	    images; /* how they are pushed, and with `destination` where to; NULL: the list's own name */
	bool index_only;
};
/* `ret_digest` has DIGEST_TEXT_MAX bytes: of the index as it was pushed. The caller holds no lock, and has one thread.
 */
int list_push(struct store *store, const struct list_push_request *request, char *ret_digest, struct error *err);
