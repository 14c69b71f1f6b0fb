/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory that is given back all at once. A parsed template is one, and so is everything an execution makes up on
 * the way (results of functions), so that neither has to say who owns what.
 */
#pragma once

#include <stddef.h>

#include <json-c/json.h>

#include "pkg/text/text.h"

struct arena {
	struct arena_block *blocks;
	struct json_object *kept; /* an array of what arena_keep() was given */
	size_t used;              /* bytes handed out: what limits are held against */
};
#define ARENA_INIT ((struct arena){0})

void arena_free(struct arena *arena);
#define auto_arena CLEANUP(arena_free)

/* Zeroed memory for any type; never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy with a NUL behind it. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
/* Takes the reference to `object`; returns it, borrowed. */
struct json_object *arena_keep(struct arena *arena, struct json_object *object);
