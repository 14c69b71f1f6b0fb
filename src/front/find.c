/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/front/front.h"

const char *front_last_word(const char *path)
{
	const char *space = strrchr(path, ' ');
	return space ? space + 1 : path;
}

/* Whether `path` is one word below `group`; "" is the program itself. */
static bool is_child(const char *path, const char *group)
{
	size_t length = strlen(group);
	if (length == 0)
		return !strchr(path, ' ');
	return !strncmp(path, group, length) && path[length] == ' ' && !strchr(path + length + 1, ' ');
}

static bool is_other_name(const struct front_entry *entry, const struct front_entry *const *earlier, size_t count)
{
	for (size_t i = 0; entry->symbol && i < count; i++)
		if (earlier[i]->symbol && !strcmp(earlier[i]->symbol, entry->symbol))
			return true;
	return false;
}

static int compare_paths(const void *left, const void *right)
{
	const struct front_entry *const *a = left, *const *b = right;
	return strcmp((*a)->path, (*b)->path);
}

const struct front_entry **front_children(const struct front *front, const struct front_entry *group)
{
	const struct front_entry **children = xcalloc(front->count + 1, sizeof(const struct front_entry *));
	size_t count = 0;
	for (size_t i = 0; i < front->count; i++) {
		const struct front_entry *entry = &front->entries[i];
		if (is_child(entry->path, group ? group->path : "") && !is_other_name(entry, children, count))
			children[count++] = entry;
	}
	qsort(children, count, sizeof(const struct front_entry *), compare_paths);
	return children;
}

static const struct front_entry *entry_at(const struct front *front, const char *path)
{
	for (size_t i = 0; i < front->count; i++)
		if (!strcmp(front->entries[i].path, path))
			return &front->entries[i];
	return NULL;
}

static int unknown_word(const struct front *front, const char *word, const struct front_entry *group, struct error *err)
{
	const char *parent = group ? group->path : "";
	const char *space = group ? " " : "";
	const char **names = xcalloc(front->count + 1, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; i < front->count; i++)
		if (is_child(front->entries[i].path, parent))
			names[count++] = front_last_word(front->entries[i].path);
	const char *similar[3];
	size_t found = cli_suggest(word, names, count, similar, ARRAY_SIZE(similar));
	free(names);
	error_set(err, EINVAL, "'%s' is not a command of 'coracle%s%s'", word, space, parent);
	for (size_t i = 0; i < found; i++)
		error_advice(err, "%s '%s'", i == 0 ? "; did you mean" : i + 1 < found ? "," : " or", similar[i]);
	if (found)
		return error_advice(err, "?");
	return error_advice(err, "; see 'coracle%s%s --help'", space, parent);
}

int front_find(const struct front *front, int count, char *const *words, const struct front_entry **ret_entry,
	       int *ret_used, struct error *err)
{
	const struct front_entry *entry = NULL;
	auto_strbuf struct strbuf path = STRBUF_INIT;
	int used = 0;
	while (used < count && words[used][0] != '-' && (!entry || !entry->symbol)) {
		strbuf_printf(&path, "%s%s", used ? " " : "", words[used]);
		const struct front_entry *next = entry_at(front, strbuf_text(&path));
		if (!next)
			return unknown_word(front, words[used], entry, err);
		entry = next;
		used++;
	}
	if (!entry)
		return error_set(err, EINVAL, "a command is missing; see 'coracle --help'");
	*ret_entry = entry;
	*ret_used = used;
	return 0;
}
