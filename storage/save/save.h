/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save: images of the store as archives and directories that other tools read.
 *
 *	docker-archive   manifest.json, <id>.json, <diff id>.tar; any number of images
 *	oci-archive      the OCI layout as a tar
 *	oci-dir          the OCI layout as a directory
 *	docker-dir       manifest.json of Docker's schema 2 and blobs by their digests in one directory (skopeo's dir:)
 *
 * Layers come from their recipes, bit for bit, and configurations are as they were: the image keeps its id in each.
 * Manifests are made anew for the blobs as they are here, unless all blobs are what they were
 * (storage/layer/original.h). The same image always gives the same bytes.
 *
 * A layer's digest is known to be right only when it has been written: an archive is good when image_save() returned 0.
 */
#pragma once

#include "pkg/progress/progress.h"
#include "storage/image/image.h"

enum save_format {
	SAVE_DOCKER_ARCHIVE,
	SAVE_OCI_ARCHIVE,
	SAVE_OCI_DIR,
	SAVE_DOCKER_DIR,
};

/* What has been read of an image before. */
struct save_image {
	char id[65];
	char *config; /* byte for byte */
	size_t config_length;
	char *manifest; /* NULL: none */
	size_t manifest_length;
	struct strv layers; /* diff ids */
	struct strv names;  /* full ones, with tags */
};
int save_image_read(struct store *store, const struct image *image, struct save_image *ret, struct error *err);
void save_image_free(struct save_image *image);
#define auto_save_image CLEANUP(save_image_free)

struct save_request {
	enum save_format format;
	bool compress;             /* layers with gzip; not in a docker-archive */
	bool originals;            /* the blobs as which layers came, where they were kept; not in a docker-archive */
	int fd;                    /* of the archive, which may be a pipe; or of the directory */
	int spool_fd;              /* an empty file for a compressed layer, whose digest is known only at its end */
	struct progress *progress; /* NULL: none */
	const struct save_image *images;
	size_t count; /* more than one in a docker-archive only */
};
/* For a process that is root of the user namespace: store_run_mapped(). */
int image_save(struct store *store, const struct save_request *request, struct error *err);
