/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume: data that outlives containers.
 *
 *	volumes/<name>/volume.json      the record, written once
 *	volumes/<name>/_data/           what containers see
 *	volumes/<name>/fresh            an empty file: no container has used it yet, so the first one fills it (fill.c)
 *	volumes/<name>/lock, fill/      while it is being filled
 *
 * A volume is staged whole and renamed into place; removing it is a rename into the trash. There is no index, and who
 * reads takes no lock.
 *
 * An anonymous volume lives in the directory of the container that it was made for, containers/<id>/volumes/<name>, and
 * volumes/<name> is a symlink to it. So it appears with its container by one rename and goes with it by one (`rm -v`,
 * --rm), whoever removes the container and wherever he is killed. It is made a volume of its own (volume_keep()) where
 * it is to stay: before its container is removed without it, and when another container takes it. A symlink that leads
 * nowhere is a volume that is gone.
 *
 * What of it can be mounted: a plain volume is its _data; the options type=none or bind, o=bind and device=PATH make
 * one of a directory elsewhere, type=tmpfs a tmpfs, which all containers that live at a time share and which is empty again
 * after the last of them. Everything else needs the machine's root.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"
#include "storage/store/store.h"

struct volume {
	char *name;
	char *driver; /* "local" */
	int64_t created_ns;
	struct strv labels;  /* "k=v" */
	struct strv options; /* "type=tmpfs", "o=…", "device=…" */
	bool anonymous;
};
void volume_clear(struct volume *volume);
#define auto_volume CLEANUP(volume_clear)

/* [a-zA-Z0-9][a-zA-Z0-9_.-]* */
int volume_name_check(const char *name, struct error *err);
/* 64 hex digits, malloc'd: the name of one that was given none. */
char *volume_random_name(void);

/* ---- what the options mean ---- */
enum volume_kind {
	VOLUME_PLAIN,
	VOLUME_BIND, /* of a directory elsewhere */
	VOLUME_TMPFS,
};
struct volume_source {
	enum volume_kind kind;
	char *path;          /* PLAIN, BIND: what is to be bound, absolute */
	struct strv options; /* mount options: of a bind "ro" …, of a tmpfs "size=…" too */
	int64_t uid, gid;    /* PLAIN: o=uid=…,gid=…: whose it is; -1: not said */
	bool no_copy;        /* o=nocopy: is not filled */
};
void volume_source_clear(struct volume_source *source);
#define auto_volume_source CLEANUP(volume_source_clear)
/* -EINVAL: an unknown or contradictory option; -EOPNOTSUPP: one that needs the machine's root, with the way to do it
 * outside. */
int volume_source(const struct store *store, const struct volume *volume, struct volume_source *ret, struct error *err);

/* ---- making ---- */
/* Makes volumes/<name> with the settings of `volume`; created_ns is set when it is 0. -EEXIST, "volume x already
 * exists". */
int volume_create(struct store *store, struct volume *volume, struct error *err);
/* The same in the directory `dirfd` (of a staged container), without options. */
int volume_make_at(struct store *store, int dirfd, struct volume *volume, struct error *err);
/* Makes the symlink volumes/<name> to containers/<container>/volumes/<name>, which need not be there yet; takes it away
 * again. */
int volume_link(struct store *store, const char *name, const char *container, struct error *err);
void volume_unlink(struct store *store, const char *name);
/* Makes an anonymous volume one of its own. Nothing to do: 0; -ENOENT when it is gone. */
int volume_keep(struct store *store, const char *name, struct error *err);
/* Those that live in the container's directory. */
int volume_names_of(struct store *store, const char *container, struct strv *ret, struct error *err);

/* ---- reading ---- */
/* -ENOENT: "no such volume: x". */
int volume_read(struct store *store, const char *name, struct volume *ret, struct error *err);
/* By name or the unique start of one. */
int volume_find(struct store *store, const char *name, struct volume *ret, struct error *err);
/* All names, sorted; symlinks that have led nowhere for a while are removed on the way. */
int volume_names(struct store *store, struct strv *ret, struct error *err);
/* "<root>/volumes/<name>/_data", malloc'd. */
char *volume_data_path(const struct store *store, const char *name);
/* Bytes of all files. Files can be of any owner: in the user namespace where it must be. */
int volume_size(struct store *store, const char *name, int64_t *ret, struct error *err);

/* Writes a new record for a volume whose own is lost; labels and options are. */
int volume_mend(struct store *store, const char *name, struct error *err);

/* ---- removing ---- */
/* Renames it into the trash. Who has it mounted keeps what is mounted. */
int volume_remove(struct store *store, const char *name, struct error *err);

/* ---- the first use ---- */
struct volume_fill {
	int from;  /* the directory of the image that it is mounted over, opened; -1: the image has none */
	uid_t uid; /* whose the volume becomes then */
	gid_t gid;
};
/*
 * Fills the fresh volume whose data is at `data_path` with what is in `from`, which also gives it owner and mode. By
 * the container's root, in its user namespace, before the volume is mounted. Of several first users one fills it, and
 * the others wait; who is killed leaves what the next one completes. One that holds something already is left as it is.
 */
int volume_fill(const char *data_path, const struct volume_fill *fill, struct error *err);
/* Whether it is still to be filled: cheap. */
bool volume_is_fresh(const char *data_path);

/* The same in steps, where who can read the image is not who can reach the store: begin; when it is `needed` and the image has something, copy it into
 * the directory that volume_filling_aside() gives; end. What is not ended is undone by the next one. */
struct volume_filling {
	int volume, lock, data; /* open while it lasts: others wait */
	bool needed;
};
#define VOLUME_FILLING_INIT ((struct volume_filling){.volume = -1, .lock = -1, .data = -1})
void volume_filling_clear(struct volume_filling *filling);
#define auto_volume_filling CLEANUP(volume_filling_clear)
int volume_filling_begin(const char *data_path, struct volume_filling *ret, struct error *err);
/* An empty directory that belongs to uid:gid; a descriptor. */
int volume_filling_aside(const struct volume_filling *filling, uid_t uid, gid_t gid, struct error *err);
/* `copied`: what is aside becomes the volume, owner and mode included; otherwise it is empty and uid's. */
int volume_filling_end(struct volume_filling *filling, bool copied, uid_t uid, gid_t gid, struct error *err);
