/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/monitor/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "pkg/text/text.h"

#define LOG_TEMPORARY ".tmp-log"
#define ENTRY_MAX     (6 * LOG_LINE_MAX + 160)
/* Reserving disk space: from which burst on, for writes of which size, and how much at once. */
#define BURST_MIN	 ((int64_t)4 << 20)
#define LARGE_WRITE	 ((size_t)128 * 1024)
#define SMALL_WRITES_MAX 64
#define RESERVE_MAX	 ((int64_t)64 << 20)
/* Writing past the page cache: from which burst on, and how often the way that is not preferred is tried. */
#define UNCACHED_MIN ((int64_t)64 << 20)
#define TRY_OTHER    32
#define UNUSABLE     INT64_MAX
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80 /* Linux 6.14 */
#endif

static const char prefix[] = "{\"log\":\"";

/* ---- the file ---- */
static int open_file(struct log_writer *log, const char *name, int flags)
{
	int fd = openat(log->dirfd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
	return fd < 0 ? -errno : fd;
}

/* Cuts off what lies behind the end. Somebody else may have cut the file before that (truncate -s 0): it must not grow by it. */
static int give_back(struct log_writer *log)
{
	struct stat st;
	log->reserved = 0;
	bool shorter = fstat(log->fd, &st) == 0 && st.st_size < log->size;
	return ftruncate(log->fd, shorter ? st.st_size : log->size);
}

void log_settle(struct log_writer *log)
{
	if (log->fd >= 0 && log->reserved > log->size)
		give_back(log);
	log->burst = 0;
	log->reserve_from = BURST_MIN;
}

/* The file system then finds the place for what is written in large pieces, and not once more for each page. Where it cannot, it is as before. */
static void reserve(struct log_writer *log)
{
	log->small_writes = log->used < LARGE_WRITE ? log->small_writes + 1 : 0;
	if (log->small_writes >= SMALL_WRITES_MAX)
		log_settle(log);
	if (log->small_writes || log->burst < log->reserve_from || log->size + (int64_t)log->used <= log->reserved)
		return;
	int64_t length = log->burst < RESERVE_MAX ? log->burst : RESERVE_MAX;
	if (log->max_size && length > log->max_size - log->size)
		length = log->max_size - log->size;
	if (length <= 0)
		return;
	if (fallocate(log->fd, FALLOC_FL_KEEP_SIZE, log->size, length) == 0) {
		log->reserved = log->size + length;
	} else {
		/* Of a disk that is nearly full it may have got a part. */
		give_back(log);
		log->reserve_from = 2 * log->burst;
	}
}

static void numbered(const struct log_writer *log, int64_t number, char *out, size_t size)
{
	snprintf(out, size, number ? "%s.%lld" : "%s", log->name, (long long)number);
}

/* A kill between the steps of a rotation left the log its second name: it is not rotated yet. */
static void mend_rotation(struct log_writer *log)
{
	char first[sizeof(log->name) + 24];
	struct stat a, b;
	numbered(log, 1, first, sizeof(first));
	if (fstat(log->fd, &a) == 0 && fstatat(log->dirfd, first, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
		unlinkat(log->dirfd, first, 0);
}

int log_open(struct log_writer *log, int dirfd, const char *name, int64_t max_size, int64_t max_files)
{
	log->dirfd = dirfd;
	snprintf(log->name, sizeof(log->name), "%s", name);
	log->max_size = max_size;
	log->max_files = max_files > 1 ? max_files : 1;
	log->fd = open_file(log, name, 0);
	if (log->fd < 0)
		return log->fd;
	struct stat st;
	log->size = fstat(log->fd, &st) == 0 ? st.st_size : 0;
	log->reserved = log->burst = 0;
	log->reserve_from = BURST_MIN;
	if (log->size && st.st_blocks * 512 > st.st_size + BURST_MIN / 2)
		give_back(log);
	if (log->max_size)
		mend_rotation(log);
	return 0;
}

static void shift_files(struct log_writer *log)
{
	char from[sizeof(log->name) + 24], to[sizeof(from)];
	for (int64_t i = log->max_files - 1; i > 1; i--) {
		numbered(log, i - 1, from, sizeof(from));
		numbered(log, i, to, sizeof(to));
		renameat(log->dirfd, from, log->dirfd, to);
	}
	if (log->max_files < 2)
		return;
	numbered(log, 1, to, sizeof(to));
	unlinkat(log->dirfd, to, 0);
	/* A file system without hard links: for a moment there is no log. */
	if (linkat(log->dirfd, log->name, log->dirfd, to, 0) < 0)
		renameat(log->dirfd, log->name, log->dirfd, to);
}

/* Whatever fails here, writing goes on in the file that is open. */
static void rotate(struct log_writer *log)
{
	int fd = open_file(log, LOG_TEMPORARY, O_TRUNC);
	if (fd < 0)
		return;
	shift_files(log);
	if (renameat(log->dirfd, LOG_TEMPORARY, log->dirfd, log->name) < 0) {
		close(fd);
		return;
	}
	log_settle(log);
	close(log->fd);
	log->fd = fd;
	log->size = log->reserved = 0;
}

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static ssize_t write_uncached(struct log_writer *log, const char *data, size_t length)
{
	const struct iovec piece = {(void *)data, length};
	return pwritev2(log->fd, &piece, 1, -1, RWF_DONTCACHE);
}

/* Of a large burst, by the way that has been the faster one; now and then by the other, to know. */
static ssize_t write_some(struct log_writer *log, const char *data, size_t length)
{
	if (log->burst < UNCACHED_MIN || length < LARGE_WRITE)
		return write(log->fd, data, length);
	int way = log->cost[1] < log->cost[0];
	if (++log->tries % TRY_OTHER == 0)
		way = !way;
	int64_t before = monotonic_ns();
	ssize_t n = way ? write_uncached(log, data, length) : write(log->fd, data, length);
	if (n < 0 && way && errno != EINTR) {
		/* Not on this kernel or file system; or what else is wrong is said again. */
		log->cost[way] = UNUSABLE;
		return write(log->fd, data, length);
	}
	if (n > 0) {
		int64_t cost = (monotonic_ns() - before) * 1024 / n;
		log->cost[way] = log->cost[way] && log->cost[way] != UNUSABLE ? (7 * log->cost[way] + cost) / 8 : cost;
	}
	return n;
}

static void flush(struct log_writer *log)
{
	size_t done = 0;
	reserve(log);
	while (done < log->used) {
		ssize_t n = write_some(log, log->output + done, log->used - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	log->burst += (int64_t)done;
	/* What did not fit is cut off again, to the last batch that did. */
	if (done == log->used || give_back(log) < 0)
		log->size += (int64_t)done;
	log->used = 0;
}

/* ---- the lines ---- */
static void set_time(struct log_writer *log)
{
	char stamp[TEXT_STAMP_MAX];
	format_rfc3339_nano(stamp, time_now_ns());
	for (int stream = 0; stream < 2; stream++)
		log->suffix_length = (size_t)snprintf(log->suffix[stream], sizeof(log->suffix[stream]), "\",\"stream\":\"%s\",\"time\":\"%s\"}\n",
						      stream ? "stderr" : "stdout", stamp);
}

static void put_entry(struct log_writer *log, int stream, const uint8_t *data, size_t length)
{
	if (sizeof(log->output) - log->used < ENTRY_MAX)
		flush(log);
	char *start = log->output + log->used, *out = start;
	out = (char *)memcpy(out, prefix, sizeof(prefix) - 1) + sizeof(prefix) - 1;
	out = log_escape(out, data, length);
	/* All of it: a copy of a fixed size is a few instructions. */
	memcpy(out, log->suffix[stream], sizeof(log->suffix[stream]));
	out += log->suffix_length;
	size_t size = (size_t)(out - start);
	if (log->max_size && log->size + (int64_t)(log->used + size) > log->max_size && log->size + (int64_t)log->used > 0) {
		flush(log);
		rotate(log);
		memmove(log->output, start, size);
	}
	log->used += size;
}

size_t log_batch(struct log_writer *log, int stream, const uint8_t *data, size_t length, bool end)
{
	if (log->fd < 0)
		return length;
	size_t done = 0;
	set_time(log);
	while (done < length) {
		const uint8_t *newline = memchr(data + done, '\n', length - done);
		size_t line = newline ? (size_t)(newline - data) + 1 - done : length - done;
		/* The newline itself is not counted: a line of exactly the limit is one entry. */
		if (line - (newline != NULL) > LOG_LINE_MAX)
			line = log_whole_characters(data + done, LOG_LINE_MAX);
		else if (!newline && !end)
			break;
		put_entry(log, stream, data + done, line);
		done += line;
	}
	flush(log);
	if (end)
		log_settle(log);
	return done;
}
