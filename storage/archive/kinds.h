/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of archives. Each adds its images to the archive. */
#pragma once

#include "storage/archive/source.h"
#include "storage/reference/reference.h"

/* A new image at the end of the archive's list. */
struct archive_image *archive_add_image(struct image_archive *archive);
struct archive_layer *archive_add_layer(struct archive_image *image, const char *file, const char *blob_digest,
					const char *diff_id);
/* Adds a name, normalized by the function. */
int archive_add_name(struct archive_image *image, const char *name, void (*normalize)(struct reference *),
		     struct error *err);

/* OCI layout: index.json. */
int archive_read_oci(struct image_archive *archive, struct error *err);
/* docker-archive: manifest.json. Where that is not a list but the image's own manifest: docker-dir, skopeo's dir:. */
int archive_read_docker(struct image_archive *archive, struct error *err);
/* Reads what the manifest of an image leads to. */
int archive_read_manifest(struct image_archive *archive, const char *text, size_t length, struct archive_image *image,
			  struct error *err);
/* docker-archive before Docker 1.10: repositories. */
int archive_read_legacy(struct image_archive *archive, struct error *err);
/* The configuration of such an image, once its layers are known; malloc'd. */
char *archive_legacy_config(struct json_object *config, const struct strv *diff_ids);
