/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of storage/registries: what the files say. */
#pragma once

#include "pkg/json/json.h"
#include "storage/registries/registries.h"

struct location {
	char *text; /* "host[:port][/path[:tag|@digest]]"; NULL: as it is */
	bool insecure;
	bool digest_only, tag_only;
};

/* [[registry]] */
struct registry_entry {
	char *prefix; /* "host[:port][/path[:tag|@digest]]", "*.example.com[/path]" */
	struct location location;
	struct location *mirrors;
	size_t mirrors_count;
	bool blocked;
	char *place; /* "file:line" */
};
void registry_entry_free(struct registry_entry *entry);

struct registries {
	struct registry_entry *entries;
	size_t count;
	struct strv unqualified;
	bool unqualified_set;
	struct strv aliases; /* "short=full" */
	struct strv helpers; /* for credentials */
	bool enforcing;      /* short-name-mode: what is searched in several places is refused */
	const char *only;    /* files without this word are passed over unread; NULL: none is. Set while reading alone */
};

/* Adds what a file says. 1: it is there, 0: it is not. */
int registries_add_file(struct registries *registries, const char *path, struct error *err);
/* The *.conf in a folder, by name. */
int registries_add_directory(struct registries *registries, const char *path, struct error *err);
/* Takes only [aliases]. */
int registries_add_aliases(struct registries *registries, const char *path, struct error *err);
/* One parsed file. */
int registries_add_tree(struct registries *registries, struct json_object *tree, const char *path, struct error *err);
