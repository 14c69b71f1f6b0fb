/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_filter: which images a command means by --filter KEY=VALUE, as docker and podman have it:
 *
 *	dangling=BOOL reference=PATTERN label=KEY[=VALUE] label!=KEY[=VALUE] before=IMAGE since=IMAGE until=TIME
 *	id=START digest=START containers=BOOL intermediate=BOOL manifest=BOOL readonly=BOOL
 *
 * Different keys must all hold; of the values of one key any, but of labels all.
 */
#pragma once

#include "storage/image/image.h"

struct image_filter {
	struct strv pairs; /* "key=value", checked */
	int64_t before_ns, since_ns, until_ns;
	struct strv used; /* ids of images that containers have; only where a filter asks */
};
void image_filter_free(struct image_filter *filter);
#define auto_image_filter CLEANUP(image_filter_free)

int image_filter_parse(struct store *store, const struct strv *texts, struct image_filter *ret, struct error *err);
/* Needs the configuration for labels, and loads it then; one that cannot be read is warned of, and has no label that is asked for, nor lacks it. */
bool image_filter_match(struct store *store, const struct image_filter *filter, struct image *image);

/* Whether a pattern (glob(7); no "*" goes over a slash) means the full name: with or without its tag, and as a whole or
 * behind any slash. */
bool image_name_matches(const char *name, const char *pattern);
/* The ids of the images that containers were made of. */
int images_used(struct store *store, struct strv *ret, struct error *err);
