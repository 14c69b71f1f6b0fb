/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers: those of an image are brought to where it is pushed.
 *
 * First each layer is looked for, all at once: by the blobs that it is known to have been, that of the image's manifest
 * first. What the registry has (HEAD), or can take from another of its repositories (mount), is not sent. Then the rest
 * is made and sent, several at once: packer.h makes, and what comes out is hashed and uploaded as it comes.
 */
#pragma once

#include "pkg/progress/progress.h"
#include "pkg/stream/stream.h"
#include "storage/remote/remote.h"
#include "storage/store/store.h"

struct push_layers {
	struct store *store;
	const struct remote *remote;
	const struct strv *diff_ids;
	const struct manifest *manifest; /* as the image has it */
	bool docker;                     /* the new manifest is of Docker's schema 2 */
	enum stream_compression compression;
	int level;
	bool force_compression; /* no blob in another compression will do */
	struct progress *progress;
};
/* As the registry has them now, as many as there are diff ids; freed by descriptors_free(). The caller has one thread.
 */
int push_layers(const struct push_layers *request, struct descriptor **ret, struct error *err);
void push_descriptors_free(struct descriptor *descriptors, size_t count);
