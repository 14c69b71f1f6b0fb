/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/text/text.h"

static char *temporary_name(const char *path)
{
	char random[17];
	text_random_hex(random, 8);
	return xasprintf("%s.%s", path, random);
}

static int open_standard_output(const char *what, struct output *ret, struct error *err)
{
	if (isatty(STDOUT_FILENO))
		return error_set(err, EINVAL, "refusing to %s to the terminal; use -o FILE or redirect standard output",
				 what);
	ret->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return ret->fd < 0 ? error_sys(err, errno, "standard output") : 0;
}

/* A new file in the directory of the one that it will replace. It has no name until it is complete, where the file
 * system can do that. */
static int open_new(const char *path, struct output *ret, struct error *err)
{
	const char *slash = strrchr(path, '/');
	auto_free char *directory = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	ret->path = xstrdup(path);
	ret->fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	if (ret->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return ret->fd < 0 ? error_sys(err, errno, "make %s", path) : 0;
	auto_free char *temporary = temporary_name(path);
	ret->fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (ret->fd < 0)
		return error_sys(err, errno, "make %s", path);
	ret->temporary = TAKE_PTR(temporary);
	return 0;
}

int output_open(const char *path, const char *what, struct output *ret, struct error *err)
{
	struct stat st;
	if (!path)
		return open_standard_output(what, ret, err);
	/* A device, a pipe, /dev/stdout: not to be replaced. Nor a link: what it leads to is meant. */
	if (lstat(path, &st) < 0 || S_ISREG(st.st_mode))
		return open_new(path, ret, err);
	ret->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	return ret->fd < 0 ? error_sys(err, errno, "open %s", path) : 0;
}

/* Gives the file a name: another one first, because linkat(2) does not replace what is there. */
static int name_file(struct output *output, struct error *err)
{
	char file[sizeof("/proc/self/fd/-2147483648")];
	auto_free char *temporary = temporary_name(output->path);
	snprintf(file, sizeof(file), "/proc/self/fd/%d", output->fd);
	if (linkat(AT_FDCWD, file, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) < 0)
		return error_sys(err, errno, "make %s", output->path);
	output->temporary = TAKE_PTR(temporary);
	return 0;
}

int output_finish(struct output *output, struct error *err)
{
	int r = output->path && !output->temporary ? name_file(output, err) : 0;
	if (r < 0)
		return r;
	/* Some file systems say only now that the disk is full. */
	if (close(TAKE_FD(output->fd)) < 0)
		return error_sys(err, errno, "write %s", output->path ? output->path : "the archive");
	if (output->path && rename(output->temporary, output->path) < 0)
		return error_sys(err, errno, "make %s", output->path);
	free(TAKE_PTR(output->temporary));
	return 0;
}

void output_close(struct output *output)
{
	cleanup_close(&output->fd);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	free(output->path);
	*output = OUTPUT_INIT;
}

int output_write(const char *path, const char *text, struct error *err)
{
	auto_output struct output output = OUTPUT_INIT;
	int r = output_open(path, "write", &output, err);
	if (r < 0)
		return r;
	r = write_all(output.fd, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write %s", path) : output_finish(&output, err);
}
