/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_request: what -v, --mount, --tmpfs, --volumes-from and an image's VOLUME ask for, in one form. volume_option.c
 * and mount_option.c read them, place_mounts.c makes mounts of the specification, volumes and the container's record of
 * them.
 */
#pragma once

#include "libpod/plan/plan.h"

enum mount_kind {
	MOUNT_BIND,
	MOUNT_VOLUME,
	MOUNT_TMPFS,
	MOUNT_IMAGE,
	MOUNT_DEVPTS,
	MOUNT_RAMFS,
};

struct mount_request {
	enum mount_kind kind;
	char *shown;         /* "-v x:/y": for errors */
	char *source;        /* BIND: an existing path, absolute; VOLUME: a name, NULL: anonymous; IMAGE: a name */
	char *destination;   /* absolute, without slashes at its end */
	struct strv options; /* of the mount: "ro", "noexec", "size=…" */
	bool no_recursion;   /* BIND: only itself, not what is mounted below */
	bool top_only;       /* BIND: "ro" does not hold for what is mounted below */
	bool no_copy;        /* VOLUME: not filled from the image */
	bool chown;          /* U */
	bool overlay;        /* O */
	bool writable;       /* IMAGE: rw */
	char *upper, *work;  /* O: kept ones */
	char *idmap;         /* "idmap…" */
	char *subpath;       /* VOLUME, IMAGE */
	/* VOLUME: of one that is to be made */
	char *driver;
	struct strv labels, volume_options;
};
void mount_request_clear(struct mount_request *request);
#define auto_mount_request CLEANUP(mount_request_clear)

struct mount_requests {
	struct mount_request *items;
	size_t count;
};
void mount_requests_free(struct mount_requests *requests);
#define auto_mount_requests CLEANUP(mount_requests_free)
/* Takes what the request holds. -EINVAL: its destination is another's. */
int mount_requests_add(struct mount_requests *requests, struct mount_request *request, struct error *err);
bool mount_requests_have(const struct mount_requests *requests, const char *destination);

/* A mount target without trailing slashes, malloc'd; NULL when it is not one. */
char *mount_destination(const char *text);

/* volume_option.c */
int mount_request_volume(const char *text, struct mount_request *ret, struct error *err);
int mount_request_tmpfs(const char *text, struct mount_request *ret, struct error *err);
/* One option of -v, as "ro" or "U"; also for what --mount calls otherwise. */
int mount_request_word(struct mount_request *request, const char *word, struct error *err);
/* The path of a source that must be there. */
int mount_request_source(struct mount_request *request, const char *given, struct error *err);
/* What contradicts itself. */
int mount_request_check(const struct mount_request *request, struct error *err);

/* mount_option.c: --mount */
int mount_request_mount(const char *text, struct mount_request *ret, struct error *err);

/* volumes_from.c: adds the other container's volumes and folders, where nothing else is asked for. "NAME[:ro,rw,z]" */
int mount_requests_from(struct store *store, const char *text, struct mount_requests *requests, struct error *err);

/* place_mounts.c */
int mount_request_place(struct store *store, struct mount_request *request, struct plan *plan, struct error *err);
