/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/top/ps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/exec/exec.h"
#include "libpod/top/top.h"
#include "pkg/process/process.h"

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127
#define BSD_LETTERS           "ACHLNOSTUVXacefghjklmnoprstuvwx"
#define BSD_LENGTH_MAX        5 /* a longer word is a column, misspelt */

bool top_is_for_ps(const struct strv *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->items[i][0] == '-')
			return true;
	const char *first = words->count ? words->items[0] : "";
	size_t length = strlen(first);
	return length && length <= BSD_LENGTH_MAX && strspn(first, BSD_LETTERS) == length && !top_title(first);
}

static int in_container(struct store *store, const struct container *container, const struct strv *words,
			struct error *err)
{
	auto_strv struct strv arguments = STRV_INIT;
	int exit_code;
	strv_add(&arguments, "ps");
	strv_add_all(&arguments, words);
	int r = exec_run(store, container, &(struct exec_options){0}, &arguments, &exit_code, err);
	return r < 0 ? r : exit_code;
}

static bool is_in_namespace(const char *pid, size_t length, uint64_t namespace)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof(path), "/proc/%.*s/ns/pid", (int)(length < 20 ? length : 20), pid);
	return stat(path, &st) == 0 && st.st_ino == namespace;
}

/* The n-th word of a line, from 0; its length, 0 where there are fewer. */
static size_t word(const char *line, size_t n, const char **ret)
{
	for (;; n--) {
		line += strspn(line, " \t");
		size_t length = strcspn(line, " \t");
		*ret = line;
		if (n == 0 || length == 0)
			return length;
		line += length;
	}
}

/* Which column is called PID; -1: none. */
static int pid_column(const char *heading)
{
	const char *title;
	size_t length;
	for (size_t i = 0; (length = word(heading, i, &title)) > 0; i++)
		if (length == 3 && memcmp(title, "PID", 3) == 0)
			return (int)i;
	return -1;
}

static int print_own(char *text, uint64_t namespace, struct error *err)
{
	int column = -2;
	for (char *line; (line = strsep(&text, "\n"));) {
		const char *pid;
		if (column == -2 && (column = pid_column(line)) < 0)
			return error_set(err, EINVAL,
					 "the container has no ps of its own, and of this machine's the column PID, "
					 "which says which processes "
					 "are the container's, is missing; add it to -o");
		bool heading = pid_column(line) == column;
		size_t length = heading ? 0 : word(line, (size_t)column, &pid);
		if (heading || (length && is_in_namespace(pid, length, namespace)))
			printf("%s\n", line);
	}
	return 0;
}

static int on_machine(struct store *store, const struct container *container, const struct strv *words,
		      struct error *err)
{
	pid_t pid;
	uint64_t namespace;
	int r = top_namespace(store, container, &pid, &namespace, err);
	if (r < 0)
		return r;
	auto_strv struct strv argv = STRV_INIT;
	auto_strbuf struct strbuf output = STRBUF_INIT;
	strv_add(&argv, "ps");
	strv_add_all(&argv, words);
	struct spawn spawn = {.argv = (const char *const *)argv.items, .output = &output};
	if ((r = spawn_run(&spawn, err)) == -ENOENT)
		return error_set(err, ENOENT,
				 "neither container %s nor this machine has the program ps; without options no ps is "
				 "needed: `coracle top %s`",
				 container->name, container->name);
	if (r < 0)
		return r;
	auto_free char *text = strbuf_take(&output);
	return print_own(text, namespace, err);
}

int top_ps(struct store *store, const struct container *container, const struct strv *words, struct error *err)
{
	int r = in_container(store, container, words, err);
	/* It has none that can be executed, or is paused, and nothing new begins in it. */
	bool has_none = r < 0 && (err->status == STATUS_NOT_FOUND || err->status == STATUS_NOT_EXECUTABLE);
	if (!has_none && r != -EBUSY)
		return r;
	error_clear(err);
	return on_machine(store, container, words, err);
}
