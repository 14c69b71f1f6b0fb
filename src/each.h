/* SPDX-License-Identifier: Apache-2.0 */
/*
 * each: commands that do one thing to each of several containers: stop, kill, rm … What fails for one is said and does not keep the others from it.
 */
#pragma once

#include "libpod/filter/filter.h"
#include "pkg/cli/cli.h"

/* The part of a command's options that says which containers; the first member of its options struct. */
struct each_options {
	bool all, latest, ignore;
	struct strv filters, cid_files;
};

/* The options of these commands; `EACH_OPTIONS,` inside a command's table. */
#define EACH_OPTIONS                                                                                                     \
	{'a', "all", CLI_FLAG, offsetof(struct each_options, all), NULL, "All containers"},                              \
	{0, "cidfile", CLI_LIST, offsetof(struct each_options, cid_files), "FILE", "The container whose id is in this file", .complete = CLI_COMPLETE_FILE}, \
	{'f', "filter", CLI_LIST, offsetof(struct each_options, filters), "KEY=VALUE", "Containers that match (see `coracle ps --help`)"},                   \
	{'l', "latest", CLI_FLAG, offsetof(struct each_options, latest), NULL, "The container that was created last"}
/* The same without -f for commands where it means --force or --follow. */
#define EACH_OPTIONS_LONG_FILTER                                                                                         \
	{'a', "all", CLI_FLAG, offsetof(struct each_options, all), NULL, "All containers"},                              \
	{0, "cidfile", CLI_LIST, offsetof(struct each_options, cid_files), "FILE", "The container whose id is in this file", .complete = CLI_COMPLETE_FILE}, \
	{0, "filter", CLI_LIST, offsetof(struct each_options, filters), "KEY=VALUE", "Containers that match (see `coracle ps --help`)"},                     \
	{'l', "latest", CLI_FLAG, offsetof(struct each_options, latest), NULL, "The container that was created last"}
#define EACH_IGNORE {'i', "ignore", CLI_FLAG, offsetof(struct each_options, ignore), NULL, "Say nothing of containers that are not there"}

struct each {
	struct store *store;
	const void *options; /* the command's */
	/* What is done to one; `name` is what it was called by. 0; positive when there was nothing to do, and nothing is printed; or negative. Prints its own
	 * result, if any. */
	int (*action)(struct each *each, struct container_entry *entry, const char *name, struct error *err);
	void (*after)(struct store *store); /* once, when all is done; NULL: nothing */
	struct strv gone; /* names and ids of those that the action has removed besides: to meet them later is no error */
	bool quiet; /* otherwise the name is printed after each success */
};

/* Finds the containers and does it to each. The exit status of the program: 0, or 125 when it failed for any. */
int each_container(struct cli_context *context, struct each *each, struct error *err);
