/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: manifest lists: which images make up one name for several platforms, from when such a list is begun here until
 * it is pushed as an index (OCI image specification, "Image Index").
 *
 * A list lies among the images, as images/<id>/, so that it has names, is shown and is removed as they are
 * (storage/image, `is_list`). Its id is random and stays while the list changes. All of it is one file, image.json,
 * which is replaced by rename: what every image has there ("manifest": the digest of the index as it would be pushed;
 * "created", "size", "layers"), "index": the index, and "sources": where those of its images are that are not here,
 * {digest: "docker://host/repository"}.
 *
 * Who changes one holds lists.lock exclusively, for as long as it takes to read a file and write it, and store.lock
 * shared, so that nobody removes it meanwhile.
 */
#pragma once

#include "pkg/digest/digest.h"
#include "storage/image/image.h"

struct manifest_list {
	char id[65];
	char *name;                   /* the full name by which it was found; NULL: by its id */
	char digest[DIGEST_TEXT_MAX]; /* of list_text() */
	int64_t created_ns;
	struct json_object *index, *sources;
};
void list_free(struct manifest_list *list);
DEFINE_CLEANUP(struct manifest_list *, list_free)
#define auto_list CLEANUP(list_freep)

/* By name or id, as image_find(). -EINVAL: that is an image. -EBADMSG: it has not got its digest any more. */
int list_read(struct store *store, const char *name, struct manifest_list **ret, struct error *err);
/* Makes an empty one. -EEXIST: the name is taken. `ret_id` has 65 bytes. */
int list_create(struct store *store, const struct reference *name, char *ret_id, struct error *err);
/* Reads, lets `change` do what it is there for, and writes unless that was negative. */
typedef int (*list_changer)(struct manifest_list *list, void *userdata, struct error *err);
int list_change(struct store *store, const char *name, list_changer change, void *userdata, char *ret_id,
		struct error *err);

/* What is said of an image in a list; NULL, or empty: nothing is. It owns its texts. */
struct list_entry {
	char *media_type, *digest;
	int64_t size;
	char *os, *architecture, *variant, *os_version;
	struct strv os_features, features, annotations; /* annotations: "key=value" */
	char *source;                                   /* "docker://host/repository"; NULL: the image is here */
};
void list_entry_clear(struct list_entry *entry);
#define auto_list_entry CLEANUP(list_entry_clear)
/* -EINVAL: an annotation has no "=". */
int list_entry_check(const struct list_entry *entry, struct error *err);
/* What the index says of its image number `i`, -EINVAL where that is nonsense. */
int list_entry_of(const struct json_object *index, size_t i, struct list_entry *ret, struct error *err);
/* Adds it; what was said of the same digest before is forgotten. */
void list_add(struct manifest_list *list, const struct list_entry *entry);
/* Of the image with the entry's digest, changes what the entry says; its annotations take the place of all that there
 * were. -ENOENT: it is not in the list. -EINVAL: an annotation has no value. */
int list_annotate(struct manifest_list *list, const struct list_entry *entry, struct error *err);
int list_remove(struct manifest_list *list, const char *digest, struct error *err);

/* The index as it is pushed: OCI's, or Docker's, which has no annotations. malloc'd. */
char *list_text(const struct json_object *index, bool docker);
#define LIST_TYPE_DOCKER "application/vnd.docker.distribution.manifest.list.v2+json"
