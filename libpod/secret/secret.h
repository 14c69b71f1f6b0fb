/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * secret: data that containers need and that belongs into no image: `secret create`, --secret.
 *
 *	secrets/<name>                   one line of JSON (id, creation, labels), and behind it the data.
 *	                                 Mode 0600, in a directory of mode 0700
 *	containers/<id>/secrets/<n>      the data of the container's n-th secret, as it was when the container was
 *	                                 made (0600)
 *
 * A secret is one file, made and replaced by a rename. A container has a copy, as podman's has: what is done to the
 * secret afterwards does not concern it, and its copy goes with it. In the container the data is in a tmpfs or in the
 * environment of its processes; it is never in its root file system, of which images and archives are made, nor in
 * config.json, nor on a command line.
 */
/* clang-format on */
#pragma once

#include <stddef.h>

#include "libpod/container/container.h"
#include "storage/store/store.h"

#define SECRET_DATA_MAX  512000
#define SECRET_ID_LENGTH 25

struct secret {
	char id[SECRET_ID_LENGTH + 1];
	char *name;
	int64_t created_ns;
	struct strv labels;
};
void secret_free(struct secret *secret);
DEFINE_CLEANUP(struct secret *, secret_free)
#define auto_secret CLEANUP(secret_freep)

/* `labels`: "key=value". -EEXIST when there is one of this name, unless it is to be replaced. `ret_id` has room for an
 * id and a NUL. */
int secret_create(struct store *store, const char *name, const void *data, size_t length, const struct strv *labels,
		  bool replace, char *ret_id, struct error *err);
/* By name, id, or unique start of an id. -ENOENT: `no secret with name or id "x": no such secret`. `ret_data`,
 * NUL-terminated, malloc'd, and `ret_length` may be NULL. */
int secret_find(struct store *store, const char *name, struct secret **ret, char **ret_data, size_t *ret_length,
		struct error *err);
/* Names of all, sorted. */
int secret_names(struct store *store, struct strv *ret, struct error *err);
int secret_remove(struct store *store, const struct secret *secret, struct error *err);

/* ---- in a container ---- */
struct secret_use {
	char *id, *name;
	char *target; /* path, /run/secrets/… where it is a file; or the variable's name */
	bool env;
	uint32_t uid, gid, mode;
};
void secret_use_free(struct secret_use *use);
#define auto_secret_use CLEANUP(secret_use_free)

/* --secret NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]; the secret must be there. Added to
 * container->secrets as a text. */
int secret_add_use(struct store *store, const char *option, struct container *container, struct error *err);
/* From such a text. */
int secret_use_read(const char *text, struct secret_use *ret, struct error *err);
/* Copies the data into the staged directory of the container. */
int secret_copy_all(struct store *store, const struct container *container, int dirfd, struct error *err);
/* The container's copy, opened for reading. A descriptor. */
int secret_open_copy(struct store *store, const struct container *container, size_t index, struct error *err);
/* Sets the variables of all that are such. */
int secret_add_env(struct store *store, const struct container *container, struct strv *env, struct error *err);
