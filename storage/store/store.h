/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: the directories of one user, and the few rules that keep them whole. docs/architecture.md, "State on disk",
 * has the layout.
 *
 * Every change is staged in tmp/ and renamed into place; every removal is a rename into trash/, emptied afterwards.
 * store.lock is held shared by whoever uses images (makes a container of one, loads one) and exclusively by whoever
 * deletes them; volumes.lock is the same for volumes; nothing else is locked. What is read for a long time is held
 * instead (storage/layer/hold.h). A staging directory holds an open lock file of its maker, so that what a dead
 * process left there is told from what a living one is filling, and swept.
 */
#pragma once

#include <stdbool.h>

#include "pkg/error/error.h"
#include "pkg/lock/lock.h"
#include "pkg/text/text.h"
#include "rootless/idmap/idmap.h"
#include "storage/settings/settings.h"

struct store {
	char *root;  /* absolute path of the data: $XDG_DATA_HOME/coracle; root's: /var/lib/coracle */
	char *run;   /* absolute path of the run directory: $XDG_RUNTIME_DIR/coracle, or /tmp/coracle-<uid>; root's:
			/run/coracle */
	int root_fd; /* O_PATH is not enough: opened O_RDONLY|O_DIRECTORY */
	int run_fd;
	char *driver;             /* asked for by --storage-driver; NULL: the probed one */
	bool network_file_system; /* the data is on NFS, Lustre and the like: locks lie in lock_fd */
	int lock_fd;              /* directory of locks on such file systems; -1: each lock lies with its data */
	struct settings settings; /* nothing until store_open_settled() */
	struct additional_store *additional;
	size_t additional_count;
	struct held_layer *held; /* storage/layer/hold.h */
	size_t held_count;
};

/* A layer that is read wherever it is moved to. */
struct held_layer {
	char *diff_id;
	int fd;
};

/* Opens (making what is missing) the store. root/run NULL: what CORACLE_ROOT and CORACLE_RUNROOT say, or the usual places. A run directory under /tmp must be ours
 * and 0700. */
int store_open(const char *root, const char *run, const char *driver, struct store **ret, struct error *err);
/* The same with what the user's and the administrator's settings say, which are read. */
int store_open_settled(const char *root, const char *run, const char *driver, struct store **ret, struct error *err);
void store_free(struct store *store);
DEFINE_CLEANUP(struct store *, store_free)
#define auto_store CLEANUP(store_freep)

/*
 * Where images are: in the store, and in additional ones, which somebody else fills (places.c). Those are only read: nothing
 * in them is locked, and what is there a moment ago may be gone. Images and layers have the same paths in each, and what
 * has the same path is the same.
 */
struct store_place {
	const char *root; /* borrowed from the store, as is fd */
	int fd;
	bool read_only;
	int errnum; /* why it cannot be used */
};
/* How many there are; number 0 is the store itself. */
size_t store_places(const struct store *store);
/* False: it cannot be used, and place.errnum says why. */
bool store_place(const struct store *store, size_t index, struct store_place *ret);
/* The first that has something at `path`; the store itself when none has. Costs nothing where there is but one. */
struct store_place store_find(const struct store *store, const char *path);
/* In a process that has entered another mount namespace: opens the directories anew, under the numbers that they have. */
int store_reopen(struct store *store, struct error *err);
bool store_places_are_readable(const struct store *store);
/* To the error that something is not there: that an additional store cannot be read. Returns -ENOENT. */
int store_explain_missing(const struct store *store, struct error *err);

/* Takes store.lock; returns the descriptor that holds it (auto_close gives it back). */
int store_lock(struct store *store, enum lock_mode mode, struct error *err);
/* volumes.lock; where both are taken, after store.lock. */
int store_lock_volumes(struct store *store, enum lock_mode mode, struct error *err);

/* A new directory tmp/<random> to stage in. */
struct stage {
	struct store *store;
	char name[40]; /* under tmp/ */
	int fd;        /* of the directory; -1 once it is placed or dropped */
	int lock;
};
#define STAGE_INIT ((struct stage){.fd = -1, .lock = -1})
int store_stage(struct store *store, struct stage *ret, struct error *err);
/* Renames it to `path` under root_fd (RENAME_NOREPLACE; -EEXIST when there is one). `sync`: what is in it must last,
 * its files were synced by the caller, the parent directories are synced here. */
int stage_place(struct stage *stage, const char *path, bool sync, struct error *err);
/* Removes it, unless it was placed. */
void stage_drop(struct stage *stage);
#define auto_stage CLEANUP(stage_drop)

/* Renames `path` (under root_fd) into trash/: from then on it is gone. -ENOENT when it is not there. */
int store_trash(struct store *store, const char *path, struct error *err);
/* Empties trash/ and sweeps what dead processes left in tmp/. Enters the user namespace only when something cannot be
 * removed without. May be called by many at once. */
int store_empty_trash(struct store *store, struct error *err);

/* The same in a process of its own, which the caller does not wait for: for commands that have removed something and
 * return at once. The caller must be single-threaded. */
void store_empty_trash_later(struct store *store);
/* What is in tmp/ of processes that are dead, and in trash/ for longer than emptying takes to begin: "tmp/…", "trash/…". */
int store_leftovers(struct store *store, struct strv *ret, struct error *err);

/* Runs `function` in a child process that is root in the user namespace of this user's containers, and returns what it
 * returned: for files that belong to subordinate ids. The caller must be single-threaded. */
typedef int (*mapped_function)(void *data, struct error *err);
int store_run_mapped(struct store *store, mapped_function function, void *data, struct error *err);
/* The same begun in the background, beside what the caller does meanwhile. It must be finished. */
struct mapped {
	pid_t pid;
	int fd;
};
int store_begin_mapped(struct store *store, mapped_function function, void *data, struct mapped *ret, struct error *err);
int store_finish_mapped(struct mapped *mapped, struct error *err);

/* The mapping that this user's containers have; kept in the store's cache. */
int store_mapping(struct store *store, struct id_mapping *ret, struct error *err);
/* What went wrong with the mapping was `result`: where newuidmap(1) refused it, the user's ids are asked for anew.
 * True: they are others now, in `mapping`, and worth another try. */
bool store_mapping_refused(struct store *store, int result, struct id_mapping *mapping);
/* The root of root's containers is another user than root itself, who must be able to enter and fill directories of the
 * store: gives it this new one. Does nothing for anybody else, who is the root of his containers. */
int store_give(struct store *store, int fd, struct error *err);
