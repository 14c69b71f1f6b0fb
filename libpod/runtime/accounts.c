/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for /etc/passwd and /etc/group: of the user whom the image does not know. They are written into the container's
 * root before anything is mounted there. The files are the image's: found inside the root by openat2, and left alone
 * unless they are ordinary files.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"

#define ACCOUNT_FILE_MAX (4 << 20)

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);
	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && (at[length] == '\n' || !at[length]))
			return true;
	return false;
}

/* What is to be appended to the file that has this text. malloc'd. */
static char *missing_lines(const char *text, const struct strv *lines)
{
	struct strbuf missing = STRBUF_INIT;
	size_t length = strlen(text);
	for (size_t i = 0; i < lines->count; i++) {
		if (has_line(text, lines->items[i]))
			continue;
		if (!missing.length && length && text[length - 1] != '\n')
			strbuf_putc(&missing, '\n');
		strbuf_printf(&missing, "%s\n", lines->items[i]);
	}
	return strbuf_take(&missing);
}

static int append(int root_fd, const char *path, const struct strv *lines, struct error *err)
{
	auto_free char *text = NULL;
	struct stat st;
	if (!lines || !lines->count)
		return 0;
	auto_close int fd = open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	int r = file_read_fd(fd, path, ACCOUNT_FILE_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	auto_free char *missing = missing_lines(text, lines);
	if (!*missing)
		return 0;
	auto_close int out = open_in_root(root_fd, path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY, 0);
	r = out < 0 ? out : write_all(out, missing, strlen(missing));
	return r < 0 ? error_sys(err, r, "add a line to /%s", path) : 0;
}

int accounts_setup(const struct runtime *runtime, int root_fd, struct error *err)
{
	int r = append(root_fd, "etc/passwd", runtime->passwd_lines, err);
	return r < 0 ? r : append(root_fd, "etc/group", runtime->group_lines, err);
}
