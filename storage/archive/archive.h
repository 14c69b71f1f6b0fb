/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive: images in files: docker-archive (`docker save`, also the old kind without a manifest), oci-archive, the OCI
 * layout as a directory, and directories with a manifest and blobs (docker-dir, skopeo's dir:), which know no names.
 *
 * An archive is read twice: its table of contents when it is opened, then the small files (manifests, configurations;
 * at most MANIFEST_SIZE_MAX each, verified at once), then each layer when it is wanted. What cannot be read twice,
 * because it comes through a pipe or is compressed as a whole (gzip, zstd, xz, bzip2), is first copied, decompressed,
 * into a file in the staging area that has no name.
 *
 * An archive that is both kinds (docker save since version 25) is read as an OCI archive, whose manifests have their
 * own digests. Names are as podman gives them: RepoTags of a docker-archive mean Docker Hub when they are short; names
 * in an OCI archive (io.containerd.image.name, then org.opencontainers.image.ref.name) mean localhost/.
 */
#pragma once

#include "pkg/json/json.h"
#include "pkg/progress/progress.h"
#include "storage/manifest/manifest.h"
#include "storage/store/store.h"
#include "storage/unpack/batch.h"

/* A file in an archive. */
struct blob {
	int fd;
	bool owned; /* fd is the blob's own */
	int64_t offset, length;
};
void blob_close(struct blob *blob);
#define auto_blob CLEANUP(blob_close)

struct archive_layer {
	char *file;        /* its name in the archive */
	char *blob_digest; /* NULL: not known */
	char *diff_id;     /* NULL: not known before it is unpacked (old docker-archives) */
};

struct archive_image {
	struct strv names; /* full ones; may be empty */
	char *manifest;    /* NULL: none; one is made */
	size_t manifest_length;
	char *config; /* NULL: it is made of legacy_config once the layers are known */
	size_t config_length;
	struct json_object *legacy_config;
	struct archive_layer *layers; /* lowest first */
	size_t layers_count;
};

struct image_archive {
	struct archive_source *source;
	const char *transport; /* as containers-transports(5) calls it: "docker-archive", "oci-archive", "oci", "dir" */
	struct progress *progress; /* borrowed; NULL: nobody looks on */
	bool flat; /* blobs lie beside the manifest */
	struct archive_image *images;
	size_t count;
};

/* `path` NULL or "-": standard input. `progress` (NULL: none) is told of the copy, and then of each layer; it must live
 * as long as the archive. */
int image_archive_open(struct store *store, const char *path, struct progress *progress, struct image_archive **ret,
		       struct error *err);
void image_archive_free(struct image_archive *archive);
DEFINE_CLEANUP(struct image_archive *, image_archive_free)
#define auto_image_archive CLEANUP(image_archive_freep)

/* Brings an image of the archive into the store: layers that are missing, the image, its names. Takes store.lock, but not
 * while it unpacks. `ret_id` has 65 bytes. */
int image_archive_load(struct store *store, struct image_archive *archive, size_t index, struct layer_batch *batch,
		       char *ret_id, struct error *err);
