/* SPDX-License-Identifier: Apache-2.0 */
/* internal: what the files of the module share. */
#pragma once

#include <limits.h>

#include "libpod/copy/copy.h"
#include "libpod/spec/spec.h"
#include "rootless/idmap/idmap.h"

/* What all entries between the two processes begin with. */
#define COPY_PREFIX "x"

/* What the packer says before the tar. */
struct copy_header {
	int32_t is_directory, contents; /* contents: what is in it, not itself */
	char name[NAME_MAX + 1];
};

/* One end, in the process that works on it. */
struct copy_end {
	int root; /* a container's root, or the host's */
	bool host;
	const char *path;  /* absolute */
	const char *shown; /* for errors: "web:/etc" */
	bool one_id;       /* single-id mode: owners are one */
	/* The host's ids as a container's, for a host source whose owners are to be kept; NULL: as they are. */
	const struct id_mapping *mapping;
	uid_t uid; /* a container destination: whose the files become */
	gid_t gid;
};

/* pack.c: finds the source; writes the header, then the tar; or with `stream` a tar alone, whose entries begin with the
 * source's name. */
int copy_pack(const struct copy_end *from, const struct copy_options *options, bool stream, int out, struct error *err);

/* unpack.c: reads the header and the tar; or with `stream` a tar alone, perhaps compressed, into a directory. */
int copy_unpack(const struct copy_end *to, const struct copy_options *options, bool stream, int in, struct error *err);

/* Where the source goes: a directory, opened, and a name in it; "" : into the directory itself. */
struct copy_target {
	int directory;
	char *path; /* of the directory, from the end's root */
	char *name;
};
void copy_target_clear(struct copy_target *target);
#define auto_copy_target CLEANUP(copy_target_clear)
/* target.c: docker's rules. */
int copy_find_target(const struct copy_end *to, const struct copy_header *what, struct copy_target *ret,
		     struct error *err);

/* side.c: begins a child that packs or unpacks at a place, with `fd` as its end of the pipe, closing `other`. */
struct copy_child {
	pid_t pid;
	int errors;
};
struct copy_job {
	struct store *store;
	const struct copy_place *place;
	const struct copy_options *options;
	bool source, stream; /* stream: the other place is one */
	int fd, other;
};
int copy_begin(const struct copy_job *job, struct copy_child *ret, struct error *err);
int copy_finish(struct copy_child *child, struct error *err);

/* root.c: a container's root directory, in the child, which becomes root of its user namespace. */
struct copy_root {
	int fd;       /* O_PATH */
	int lock;     /* of a container that does not run, held meanwhile; -1 */
	pid_t server; /* fuse-overlayfs, which mounts it meanwhile; 0: none */
};
#define COPY_ROOT_INIT ((struct copy_root){.fd = -1, .lock = -1})
int copy_root_open(struct store *store, const struct container *container, const struct spec *spec,
		   struct copy_root *ret, struct error *err);
void copy_root_close(struct copy_root *root);
#define auto_copy_root CLEANUP(copy_root_close)
