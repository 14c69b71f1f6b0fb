/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push: an image from the store into a registry.
 *
 * What the registry has is not sent: each layer is looked for by the digests that its blobs are known to have had
 * (layers/<diff id>/blobs: one line each, "sha256:… size media-type compression registry/repository", written by pull
 * and push), in the target repository (HEAD), then by a mount from the repositories where it was seen; if all layers
 * are there the manifest goes as it came, byte for byte. Otherwise the layer's tar is regenerated from its recipe,
 * compressed (the same bytes from the same tar, always) and sent while it is being made, several layers at once, and a
 * new manifest is made for the blobs as they are now.
 */
#pragma once

#include "pkg/progress/progress.h"
#include "pkg/stream/stream.h"
#include "storage/image/image.h"
#include "storage/store/store.h"

struct push_request {
	const char *name;        /* of the image here */
	const char *destination; /* NULL: the same name */
	bool untagged; /* the destination is a repository, in which the image is known by its digest alone, as those of
			  an index are */
	const char *authfile;
	const char *username, *password;
	const char *certificate_directory;
	int tls_verify;                      /* 1, 0, -1: as registries.conf says */
	enum stream_compression compression; /* STREAM_GZIP, STREAM_ZSTD, STREAM_PLAIN */
	int compression_level;               /* -1: the default */
	bool force_compression;              /* not what the registry has in another compression */
	const char *format;                  /* "oci", "v2s2", NULL: as it is */
	const char *sign_by_sigstore;        /* a key file; NULL: not signed */
	const char *passphrase_file;
	struct progress *progress;
	int retries;       /* -1: the default */
	int retry_delay_s; /* -1: pauses that grow */
};
/* `ret_digest` has DIGEST_TEXT_MAX bytes: of the manifest as it was pushed. The caller holds no lock, and has one
 * thread. */
int image_push(struct store *store, const struct push_request *request, char *ret_digest, struct error *err);
