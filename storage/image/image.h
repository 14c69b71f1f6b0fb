/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image: the images in the store, without touching their layers.
 *
 * images/<id>/ (id: hex digest of the configuration) holds `config` and `manifests/<hex>` byte for byte and
 * `image.json`, our summary. refs/<domain>/<path>/:<tag> (or @<digest>, of what was pulled by its digest) is a file
 * with one line, "sha256:<manifest> sha256:<id>". All of it is plain files put there by rename: reading takes no lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/json/json.h"
#include "storage/manifest/manifest.h"
#include "storage/reference/reference.h"
#include "storage/store/store.h"

struct image {
	char id[65];           /* hex, without "sha256:" */
	char *manifest_digest; /* "sha256:…", of the manifest by which it was found, or the first */
	char *found_name;      /* the full name by which it was found; NULL: by its id, or in a list */
	struct strv
	    names; /* "localhost/hello:latest" …, sorted; those pulled by digest as "…@sha256:…"; empty: dangling */
	struct strv digests; /* "localhost/hello@sha256:…" */
	struct strv layers;  /* diff ids "sha256:…", lowest first */
	int64_t created_ns;
	int64_t size; /* bytes unpacked, all layers */
	char *architecture, *os, *variant;
	bool is_list; /* a manifest list (storage/list): it has no layers, and its configuration is empty */
	bool read_only; /* it is in an additional store only */
	struct json_object *config; /* the OCI image configuration; NULL until image_load_config() */
};
void image_free(struct image *image);
DEFINE_CLEANUP(struct image *, image_free)
#define auto_image CLEANUP(image_freep)

/* The image that has a manifest of this (valid) digest: 1, or 0 when none has. `ret_id` has 65 bytes. */
int image_find_manifest(struct store *store, const char *manifest_digest, char *ret_id, struct error *err);
/* What a manifest list has for the platform. -ENOENT: nothing, or its image is not here. *ret_manifest_digest is malloc'd. */
int image_instance(struct store *store, const char *list_id, const struct platform *platform, char *ret_id, char **ret_manifest_digest, struct error *err);

/* Finds by name (short names as podman: localhost/ first, then docker.io/library/, then any domain if just one has it),
 * by name@digest, by id or a unique start of it (with or without "sha256:"). -ENOENT: "no such image …" with what to
 * do; ambiguous: -EINVAL. Fills what image.json has; `names` are complete. */
int image_find(struct store *store, const char *name, struct image **ret, struct error *err);
/* The same, but of a manifest list its image for this machine, as podman has it wherever files or a configuration are wanted: found_name is the list's, names
 * are the image's own. -ENOENT also when that image is not here. */
int image_find_instance(struct store *store, const char *name, struct image **ret, struct error *err);
/* The same as image_find() with as few system calls as can be, for starting a container: names and digests are not collected; config is
 * loaded, and what it says is filled; size is not. Of a manifest list it is the image for this machine. *ret_full_name is malloc'd. */
int image_find_to_run(struct store *store, const char *name, struct image **ret, char **ret_full_name,
		      struct error *err);
int image_load_config(struct store *store, struct image *image, struct error *err);
/* All images, those of additional stores too, newest first, with all their names. */
int image_list(struct store *store, struct image ***ret, size_t *ret_count, struct error *err);
void image_list_free(struct image **images, size_t count);

/* The one among the images that this one was made of, by building or committing: it has the first of its layers and of its history. The nearest
 * of several; NULL: none. */
struct image *image_parent(struct store *store, struct image *const *images, size_t count, struct image *image);
/* Whether `ancestor` is `image` as it was after the first `entries` entries of its history. */
bool image_is_begun_by(struct store *store, struct image *ancestor, struct image *image, size_t entries);

/* The image as `image inspect` shows it, with the members that docker and podman have; the caller puts *ret. -ENOENT
 * when there is none. */
int image_inspect(struct store *store, const char *name, struct json_object **ret, struct error *err);

/* Points a full name at a manifest of an image that is there (a transaction). */
int image_tag(struct store *store, const struct reference *name, const char *manifest_digest, const char *id,
	      struct error *err);
/* -EROFS: an additional store has the name. */
int image_untag(struct store *store, const struct reference *name, struct error *err);
/* -EROFS: why an image that is read_only cannot be removed. */
int image_refuse_read_only(struct store *store, const struct image *image, struct error *err);
/* Removes the image and the layers that no other image has. The caller holds store.lock exclusively and has made sure
 * that no container uses it. Names removed and layers deleted are added to `ret_untagged` and `ret_deleted`. */
int image_remove(struct store *store, struct image *image, struct strv *ret_untagged, struct strv *ret_deleted,
		 struct error *err);

/* The same of many at once, which is much faster than one after the other. */
int images_remove(struct store *store, struct image *const *images, size_t count, struct strv *ret_untagged,
		  struct strv *ret_deleted, struct error *err);
/* Adds the diff ids of the layers of all images of the store itself. */
int image_layers_in_use(struct store *store, struct strv *ret, struct error *err);
/* Removes the layers that no image has and that are not among `keep`: what an interrupted removal or unpacking left.
 * store.lock as above. */
int image_remove_unused_layers(struct store *store, const struct strv *keep, struct strv *ret_deleted,
			       struct error *err);

/* Marks an image that has lost its configuration, lastingly: who brings it again puts it in its place. */
int image_mark_damaged(struct store *store, const char *id, struct error *err);

/* Makes an image of blobs that were verified and layers that are in place: writes images/<id>/ (or adds the manifest to
 * it) durably. */
int image_add(struct store *store, const char *manifest, size_t manifest_length, const char *config,
	      size_t config_length, const struct strv *diff_ids, int64_t size, char *ret_id /* 65 bytes */,
	      char *ret_manifest_digest /* 72 bytes */, struct error *err);
