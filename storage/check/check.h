/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check: whether the store is what it says it is, and mending it.
 *
 * Theory of operation. Everything in the store has something to be held against. A layer has its recipe (storage/recipe),
 * which knows of every entry what it must be; the recipe has checksums of its own and the layer's diff id, by which the
 * layer's directory is called. An image's configuration has the image's id for its digest, a manifest its file's name. A
 * reference names a manifest and an image. So all damage is found, and nothing is believed.
 *
 * What a recipe knows is mended from it: modes, owners, times, xattrs, links, directories, whiteouts, what lies there
 * and should not. It does not have the content of files. A layer that has lost some is marked (layer_mark_damaged()): from
 * then on the store does not have it, so that the next `load` or `pull` of an image with that layer brings it again and
 * puts it in the place of the damaged one. What is good of it stays usable until then.
 *
 * Locks: a layer is looked at with store.lock shared, and mended with it exclusive, after a second look; the lock is given
 * back between one layer and the next, so that a check of an hour does not keep anybody waiting for an hour. What vanishes
 * meanwhile was removed and is no finding.
 *
 * Killed at any moment, a mending leaves a layer in which less is wrong than before.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "pkg/text/text.h"
#include "storage/store/store.h"

/* What has become of a finding. */
enum check_outcome {
	CHECK_WRONG,  /* it is as it was */
	CHECK_MENDED,
	CHECK_LOST,   /* it cannot be mended from what the store has */
};

/* Shared by the processes of a check. */
struct check_counts {
	atomic_size_t wrong;  /* that are still so */
	atomic_size_t mended;
};

struct check {
	struct store *store;
	bool quick;  /* do not read the content of files */
	bool repair;
	int64_t unused_age_s; /* layers that nobody has and that are older are left over */
	/* Prints a finding: "layer 3f57d9401f8d", "/etc/passwd: its mode is 0600, not 0644". Called by one thread at a time, but
	 * perhaps in a process of the check's own: what it changes in memory the caller does not see. */
	void (*show)(enum check_outcome outcome, const char *subject, const char *text);
	struct check_counts *counts; /* check_begin() */
	struct id_mapping mapping;   /* the same; it looks different from inside the user namespace */
	struct strv damaged_layers;  /* diff ids of those that have lost something or are not there */
	struct strv damaged_images;  /* ids of those that cannot be used as they are */
};

/* `check` has its options; gives it the rest. */
int check_begin(struct check *check, struct error *err);
void check_end(struct check *check);
#define auto_check CLEANUP(check_end)

/* Shows a finding and counts it. */
void check_found(struct check *check, enum check_outcome outcome, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For a first look, when a second one will say what there is: `copy` of a check shows nothing, and counts in `counts`. */
void check_silently(struct check *copy, struct check_counts *counts);

/* What killed processes left in tmp/ and trash/. */
int check_leftovers(struct check *check, struct error *err);
/* Every layer, on all processors. The caller must be single-threaded. Fills damaged_layers. */
int check_layers(struct check *check, struct error *err);
/* Layers that neither an image has nor anybody of `users` (diff ids). */
int check_unused_layers(struct check *check, const struct strv *users, struct error *err);
/* Every image and reference. After check_layers(). Fills damaged_images. */
int check_images(struct check *check, struct error *err);
