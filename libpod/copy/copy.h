/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: files between containers, the host and tar archives.
 *
 * Theory of operation. What is copied travels through a pipe, as a tar whose entries all begin with "x" (what the
 * source is called is the destination's affair), after a short header that says what kind of thing it is and its name.
 * One process packs it, another unpacks it, each with the rights of its own side and nothing of the other's:
 *
 *	the host        this program, with the user's rights
 *	a container     a child that is root in the container's user namespace. It has one descriptor of the
 *	                container: its root directory, and everything is found below that by openat2 RESOLVE_IN_ROOT.
 *	                Of a running container it is /proc/PID/root, by which all that is mounted in it is seen, too:
 *	                volumes, tmpfs. One that does not run is mounted for the time being, in a mount namespace of
 *	                the child's own, with its volumes and folders; its lock is held meanwhile, so that nobody
 *	                starts it
 *	a stream        standard input or output
 *
 * So a container that swaps links while it is copied from or to can change which of its own files are read or written,
 * never lead to the host's. And an archive that comes from a container is unpacked on the host beneath the destination,
 * wherever its names and links point.
 *
 * Nothing is undone when a copy fails in the middle, as with cp(1).
 */
#pragma once

#include "libpod/container/container.h"

struct copy_place {
	const struct container *container; /* NULL: the host */
	const char *path;                  /* "-": a tar on standard input or output; only of the host */
};

struct copy_options {
	bool keep_owners; /* otherwise what is copied into a container becomes its user's */
	bool follow_link; /* a source that is a symlink is what that leads to */
	bool overwrite;   /* a directory may take the place of what is none, and the other way round */
};

/*
 * docker's rules: a directory whose path ends with "/." means what is in it; a destination that is a directory gets the
 * source in it; one that is not there is made, as what the source is, in a directory that is there. The caller is
 * single-threaded.
 */
int copy_run(struct store *store, const struct copy_place *from, const struct copy_place *to,
	     const struct copy_options *options, struct error *err);

/* All below an open directory as a tar, and back into it: for volumes. The caller has the rights. */
int copy_directory_out(int dirfd, int tar_fd, struct error *err);
int copy_directory_in(int dirfd, int tar_fd, struct error *err);
