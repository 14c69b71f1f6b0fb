/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack: from the tar of a layer, compressed or not, to a staged layer.
 *
 * Theory of operation. Files of a layer belong to ids of the user namespace, so a process that is root there has to
 * make them. It is a child of its own, the unpacker, which is given descriptors and nothing else: of the blob, and of
 * the directories and the recipe to fill. It opens no path that does not begin at one of these, and whatever a hostile
 * archive makes it do stays beneath them. Where there is only one id it works without a namespace: every file belongs
 * to the user, files can be read and directories be used by their owner whatever their mode, and the recipe has the
 * truth.
 *
 * Two threads work on a layer: one reads, hashes the blob and decompresses; the other hashes and parses the
 * tar, writes the files and the recipe. Between them lie a few buffers (pipeline.h).
 *
 * What an archive can say, and what becomes of it:
 *
 *	`..` that leads out       refused. Within the tree, and slashes before the name: cleaned away
 *	symlinks as parents       followed by the kernel, with the layer as their root
 *	the same name again       the later entry counts; a directory stays one and gets the later mode and owner. What
 *	                          had content and was replaced is moved to kept/, for the tar's sake
 *	hard links                to what is in the layer only; links to links are links, not what they point to
 *	devices                   not made, as no user can: containers have a /dev of their own. They are in the recipe.
 *	                          Hard links to them are not made either
 *	whiteouts                 as docs/architecture.md says; they hide only lower layers' files, never the same
 *	                          layer's. AUFS' own files (.wh..wh.*) are passed over; `.wh.`, `.wh..` and `.wh...` are
 *	                          refused, as is a directory of such a name
 *	xattrs                    set where the file system and the namespace allow; never those with which overlay and
 *	                          fuse-overlayfs themselves speak (user.overlay.*, trusted.overlay.*,
 *	                          user.fuseoverlayfs.*, user.containers.*)
 *	owners not mapped         refused, with the name and the way out
 *
 * Directories get their times at the end, in a second pass over the recipe, so that memory does not grow with the
 * archive.
 */
#pragma once

#include <stdint.h>

#include "pkg/digest/digest.h"
#include "pkg/stream/stream.h"
#include "storage/layer/original.h"
#include "storage/store/store.h"

struct unpack_request {
	int fd;                  /* the blob's file */
	int64_t offset;          /* where the blob begins in it; -1: read on from where it is (a pipe) */
	int64_t length;          /* -1: to the end */
	bool growing;            /* the file is still being written, and read from its beginning as far as `growth`, a pipe, */
	int growth;              /* says (stream_open_growing) */
	const char *name;        /* for error texts */
	const char *blob_digest; /* what the blob, as it comes, must have; NULL: anything */
	const char *diff_id;     /* what the tar must have; NULL: anything */
	/* Where a blob that is compressed can be read again, so that it can be kept (storage/layer/original.h); NULL:
	 * nowhere, or it is not to be kept. */
	const struct layer_original_source *original;
	const char *media_type; /* of that; NULL: what the compression says */
	/* Now and then, with how many bytes of the blob have been read; NULL: nobody wants to know. */
	void (*moved)(void *data, int64_t done);
	void *moved_data;
};

struct unpack_result {
	char diff_id[DIGEST_TEXT_MAX];
	char blob_digest[DIGEST_TEXT_MAX];
	int64_t blob_size;
	int64_t tar_size;
	int64_t size; /* of all files */
	enum stream_compression compression;
};

/* The child process. One can unpack any number of layers, one after another. */
struct unpacker;
/* The caller must have one thread only. `gate`: of stream_decompress_gated(), shared with others; 0: none. */
int unpacker_start(struct store *store, int gate, struct unpacker **ret, struct error *err);
/* Ends it. */
void unpacker_free(struct unpacker *unpacker);
DEFINE_CLEANUP(struct unpacker *, unpacker_free)
#define auto_unpacker CLEANUP(unpacker_freep)

/* Fills an empty stage with the layer: diff/, recipe, layer.json. Nothing is synced yet. On failure the stage has
 * nothing in it that its owner could not remove. -EBADMSG: a damaged archive or a wrong digest. */
int unpacker_layer(struct unpacker *unpacker, struct stage *stage, const struct unpack_request *request,
		   struct unpack_result *ret, struct error *err);

/* Empties a staged layer that is not wanted after all, whose files its owner alone could not remove; for stage_drop()
 * to follow. */
void unpacker_discard(struct unpacker *unpacker, struct stage *stage);

/* Writes everything on the file system of `fd` to the disk: once for all layers of an image, before the first is
 * placed. */
int unpack_sync(int fd, struct error *err);
