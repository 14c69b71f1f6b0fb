/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include "storage/image/image.h"

/* What the registries of the field allow for a manifest. */
#define IMAGE_JSON_MAX ((size_t)4 * 1024 * 1024)

/* ---- reference files (refs.c) ---- */

/* One line: "sha256:<manifest> sha256:<id>". */
struct ref {
	char manifest[72]; /* with "sha256:" */
	char id[65];       /* hex */
};

/* The file of a full name (with domain), by its tag, or else by its digest. 1, 0 when there is none, or negative. */
int ref_read(struct store *store, const struct reference *name, struct ref *ret, struct error *err);

/* Called for every reference file; `name` is the full name, "localhost/a:b" or "localhost/a@sha256:…". A return other
 * than 0 ends the walk and is what refs_walk returns. */
typedef int (*ref_visitor)(void *context, const char *name, const struct ref *ref);
int refs_walk(struct store *store, ref_visitor visitor, void *context, struct error *err);
/* The same below one repository of a full name only. */
int refs_walk_repository(struct store *store, const struct reference *name, ref_visitor visitor, void *context,
			 struct error *err);

/* Called for every file below refs/ that is no reference: damaged, or left by a process that was killed while it wrote one.
 * `path` is from the store's root. */
typedef int (*stray_visitor)(void *context, const char *path);
int refs_walk_strays(struct store *store, stray_visitor visitor, void *context, struct error *err);

/* ---- images/<id>/ (image.c) ---- */

/* Reads what image.json has; with one that is damaged, what the configuration says, so that the image can be seen and
 * removed. -ENOENT, without error text, when there is no such image. */
int image_read(struct store *store, const char *id, struct image **ret, struct error *err);
/* Writes image.json into images/<id>/, lastingly (add.c). */
int image_write_summary(int dirfd, const struct image *image, const char *manifest_hex, struct error *err);
/* Fills architecture, os, variant, created and layers from `config`. */
int image_fill_from_config(struct image *image, struct json_object *config, struct error *err);
/* The name under which a reference shows in `names` and, with its manifest, in `digests`. */
void image_add_name(struct image *image, const char *name, const struct ref *ref);
/* Puts names and digests in order, each once. */
void image_sort_names(struct image *image);
