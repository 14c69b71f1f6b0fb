/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log is a chain of files, <log>.N (the oldest) … <log>.1, <log>, of which the writer renames each to the next name
 * when it rotates, and removes the last. So what is to be shown is opened at the start, from the newest file back, and
 * then read from the oldest on; who follows goes on from the newest to the one after it. Files are found by their
 * inode, not by their number, and looked for from the newest on: one that is renamed meanwhile is then met twice rather
 * than missed. A rotation under way leaves one name of the chain free, or one file two names.
 */
#include "libpod/logs/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"

#define FILES_MAX 1000
#define BLOCK     (1 << 16)
#define ENTRY_MAX (1 << 20)

struct reader {
	const struct logs_options *options;
	const struct container *container;
	int dirfd;
	int files[FILES_MAX]; /* from the newest back; the last of them is being read */
	size_t count;
	struct strbuf rest; /* the beginning of a line whose end was not there yet */
	off_t stop_size;    /* of the newest, without --follow: what is written after the start is not shown, or there
			       might be no end */
	FILE *last;         /* where the last entry went: flushed when the other one's turn comes */
	bool past_until;
};

static void reader_free(struct reader *reader)
{
	cleanup_close(&reader->dirfd);
	for (size_t i = 0; i < reader->count; i++)
		close(reader->files[i]);
	strbuf_free(&reader->rest);
}

static char *file_name(const struct container *container, int number)
{
	return number ? xasprintf("%s-json.log.%d", container->id, number) : xasprintf("%s-json.log", container->id);
}

static int open_number(const struct reader *reader, int number)
{
	auto_free char *name = file_name(reader->container, number);
	return openat(reader->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- one entry ---- */

static bool string_member(struct json_object *entry, const char *key, const char **ret, size_t *ret_length)
{
	struct json_object *member;
	if (!json_object_object_get_ex(entry, key, &member) || !json_object_is_type(member, json_type_string))
		return false;
	*ret = json_object_get_string(member);
	*ret_length = (size_t)json_object_get_string_len(member);
	return true;
}

static void print_entry(struct reader *reader, const char *line, size_t length)
{
	const struct logs_options *options = reader->options;
	auto_json struct json_object *entry = NULL;
	const char *text, *stream, *stamp;
	size_t text_length, stream_length, stamp_length;
	int64_t time;
	/* A torn line, as a full disk may have left it, is not shown. */
	if (json_parse(line, length, "log", &entry, NULL) < 0 || !string_member(entry, "log", &text, &text_length) ||
	    !string_member(entry, "stream", &stream, &stream_length) ||
	    !string_member(entry, "time", &stamp, &stamp_length) || parse_rfc3339(stamp, &time) < 0)
		return;
	if (options->since_ns && time < options->since_ns)
		return;
	if (options->until_ns && time > options->until_ns) {
		reader->past_until = true;
		return;
	}
	FILE *out = strcmp(stream, "stderr") == 0 ? stderr : stdout;
	if (reader->last && reader->last != out)
		fflush(reader->last);
	reader->last = out;
	if (options->prefix)
		fprintf(out, "%s ", options->prefix);
	if (options->timestamps)
		fprintf(out, "%s ", stamp);
	fwrite(text, 1, text_length, out);
}

/* ---- files ---- */

static bool same_file(int fd, int other)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Reads from where the file stands to its end. */
static int read_to_end(struct reader *reader, struct error *err)
{
	char block[BLOCK];
	int file = reader->files[reader->count - 1];
	for (;;) {
		size_t wanted = sizeof(block);
		if (reader->count == 1 && !reader->options->follow) {
			off_t left = reader->stop_size - lseek(file, 0, SEEK_CUR);
			if (left <= 0)
				return 0;
			wanted = left < BLOCK ? (size_t)left : BLOCK;
		}
		ssize_t n = read(file, block, wanted);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read the log of container %s", reader->container->name);
		if (n == 0 || reader->past_until)
			return 0;
		strbuf_add(&reader->rest, block, (size_t)n);
		const char *start = reader->rest.data, *end = start + reader->rest.length, *newline;
		while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
			print_entry(reader, start, (size_t)(newline - start));
			start = newline + 1;
		}
		size_t left = (size_t)(end - start);
		memmove(reader->rest.data, start, left);
		strbuf_truncate(&reader->rest, left > ENTRY_MAX ? 0 : left);
	}
}

/* The file after this one, opened; negative when there is none. */
static int open_next(const struct reader *reader, int file)
{
	auto_close int next = -1;
	for (int number = 0, missing = 0; number < FILES_MAX && missing < 2; number++) {
		auto_close int fd = open_number(reader, number);
		missing += fd < 0;
		if (same_file(fd, file))
			return TAKE_FD(next);
		if (fd < 0)
			continue;
		cleanup_close(&next);
		next = TAKE_FD(fd);
	}
	/* It has been rotated away: the oldest that is left comes next. */
	return TAKE_FD(next);
}

/* The file before this one, opened; negative when there is none. */
static int open_previous(const struct reader *reader, int file)
{
	for (int number = 0, missing = 0; number < FILES_MAX && missing < 2; number++) {
		auto_close int fd = open_number(reader, number);
		missing += fd < 0;
		if (!same_file(fd, file))
			continue;
		auto_close int previous = open_number(reader, number + 1);
		if (previous < 0)
			previous = open_number(reader, number + 2);
		/* Still where it was: then the other one was behind it. */
		auto_close int again = open_number(reader, number);
		if (same_file(again, file) && !same_file(previous, file))
			return TAKE_FD(previous);
	}
	return -ENOENT;
}

/* Where the last `wanted` lines of the file begin; *ret_found says how many there are, at most `wanted`. A line that is
 * being written, at the very end, is none yet. */
static int find_tail(int fd, off_t size, int64_t wanted, off_t *ret_offset, int64_t *ret_found, struct error *err)
{
	char block[BLOCK];
	/* The last newline ends the last line; each one before it begins another. */
	int64_t newlines = 0;
	for (off_t end = size, start; end > 0; end = start) {
		start = end > BLOCK ? end - BLOCK : 0;
		ssize_t n = pread(fd, block, (size_t)(end - start), start);
		if (n < 0)
			return error_sys(err, errno, "read the log");
		for (ssize_t i = n; i-- > 0;) {
			if (block[i] != '\n' || newlines++ < wanted)
				continue;
			*ret_offset = start + i + 1;
			*ret_found = wanted;
			return 0;
		}
	}
	*ret_offset = 0;
	*ret_found = newlines;
	return 0;
}

/* Opens what is to be shown, and seeks in the oldest. There may be no log yet. */
static int open_files(struct reader *reader, struct error *err)
{
	int64_t wanted = reader->options->tail;
	off_t offset = 0;
	int fd = open_number(reader, 0);
	while (fd >= 0) {
		struct stat st;
		int64_t found = 0;
		reader->files[reader->count++] = fd;
		if (fstat(fd, &st) < 0)
			return error_sys(err, errno, "read the log");
		if (reader->count == 1)
			reader->stop_size = st.st_size;
		int r = wanted < 0 ? 0 : find_tail(fd, st.st_size, wanted, &offset, &found, err);
		if (r < 0)
			return r;
		wanted -= found;
		fd = wanted == 0 || reader->count == FILES_MAX ? -1 : open_previous(reader, fd);
	}
	if (reader->count)
		lseek(reader->files[reader->count - 1], offset, SEEK_SET);
	return 0;
}

/* ---- following ---- */

/* Whether anything can still be written: the container is alive, or not even started. */
static bool may_go_on(struct store *store, const struct container *container)
{
	struct container_state state;
	return container_state(store, container->id, &state, NULL) >= 0 && state.status != CONTAINER_EXITED;
}

static int print_all(struct reader *reader, struct error *err)
{
	int r;
	do {
		/* In this order: a file that has a next one is not written any more. */
		auto_close int next =
		    reader->count > 1 || !reader->options->follow ? -1 : open_next(reader, reader->files[0]);
		r = read_to_end(reader, err);
		if (r < 0 || reader->past_until || (reader->count == 1 && next < 0))
			break;
		strbuf_truncate(&reader->rest, 0);
		close(reader->files[--reader->count]);
		if (next >= 0)
			reader->files[reader->count++] = TAKE_FD(next);
	} while (reader->count);
	fflush(stdout);
	fflush(stderr);
	return r;
}

static int follow(struct store *store, struct reader *reader, struct error *err)
{
	auto_close int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	auto_free char *directory = xasprintf("%s/containers/%s", store->root, reader->container->id);
	if (watch < 0 || inotify_add_watch(watch, directory,
					   IN_MODIFY | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF) < 0)
		return error_sys(err, errno, "follow the log of container %s", reader->container->name);
	for (;;) {
		/* In this order: what was written before the end is there when the end is seen. */
		bool more = may_go_on(store, reader->container);
		if (!reader->count && (reader->files[0] = open_number(reader, 0)) >= 0)
			reader->count = 1;
		int r = reader->count ? print_all(reader, err) : 0;
		if (r < 0 || !more || reader->past_until)
			return r;
		struct pollfd events = {.fd = watch, .events = POLLIN};
		poll(&events, 1, 1000);
		char drained[4096];
		while (read(watch, drained, sizeof(drained)) > 0)
			;
	}
}

int logs_show(struct store *store, const struct container *container, const struct logs_options *options,
	      struct error *err)
{
	if (strcmp(container->log_driver, "none") == 0)
		return error_set(err, ENODATA, "container %s keeps no log: it was made with --log-driver none",
				 container->name);
	CLEANUP(reader_free) struct reader reader = {.options = options, .container = container};
	reader.dirfd = container_open(store, container->id, err);
	if (reader.dirfd < 0)
		return reader.dirfd;
	int r = open_files(&reader, err);
	if (r < 0)
		return r;
	if (options->follow)
		return follow(store, &reader, err);
	return reader.count ? print_all(&reader, err) : 0;
}
