/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of containers/<id>/state: one line of JSON with its members in a fixed order, at most STATE_MAX bytes.
 *
 * The monitor writes it, so nothing here uses the heap. It is replaced by rename: a reader sees the old or the new, and what a full disk or a
 * power cut left half written is told from a state file by its missing end and reported as -EBADMSG.
 *
 * Where the disk is full for a further file, what the old one has of it is written over: how a container ended is worth more than that who reads at this very
 * moment sees one whole line. That one has -EBADMSG, and asks the lock.
 */
#include "libpod/container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/container/status.h"
#include "pkg/cleanup/cleanup.h"

#define STATE_MAX 4096
#define STATE_FILE "state"
#define STATE_TEMPORARY ".tmp-state" /* one writer, the holder of the lock: a fixed name leaves nothing behind */

/* Control characters become blanks, invalid bytes are left to the reader: the text is one line for people. */
static void escape_text(char *out, size_t size, const char *text)
{
	size_t n = 0;
	for (; *text && n + 3 < size; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			out[n++] = '\\';
		out[n++] = c < 0x20 ? ' ' : (char)c;
	}
	out[n] = '\0';
}

static bool write_over(int dirfd, const char *line, size_t length)
{
	auto_close int fd = openat(dirfd, STATE_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && pwrite(fd, line, length, 0) == (ssize_t)length && ftruncate(fd, (off_t)length) == 0;
}

int container_state_write(int dirfd, const struct container_state *state, struct error *err)
{
	char text[2 * sizeof(state->error)], line[STATE_MAX];
	escape_text(text, sizeof(text), state->error);
	int n = snprintf(line, sizeof(line),
			 "{\"status\":\"%s\",\"pid\":%" PRId32 ",\"monitorPid\":%" PRId32 ",\"started\":%" PRId64
			 ",\"finished\":%" PRId64 ",\"exitCode\":%" PRId32 ",\"restartCount\":%" PRId32
			 ",\"oomKilled\":%s,\"stoppedByUser\":%s,\"error\":\"%s\"}\n",
			 container_status_name(state->status), state->pid, state->monitor_pid, state->started_ns,
			 state->finished_ns, state->exit_code, state->restart_count, state->oom_killed ? "true" : "false",
			 state->stopped_by_user ? "true" : "false", text);
	auto_close int fd = openat(dirfd, STATE_TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t written = fd < 0 ? -1 : write(fd, line, (size_t)n);
	if (written == n && renameat(dirfd, STATE_TEMPORARY, dirfd, STATE_FILE) == 0)
		return 0;
	int errnum = written < 0 || written == n ? errno : ENOSPC;
	unlinkat(dirfd, STATE_TEMPORARY, 0);
	if ((errnum == ENOSPC || errnum == EDQUOT) && write_over(dirfd, line, (size_t)n))
		return 0;
	return error_sys(err, errnum, "write the container's state");
}

/* ---- reading: a cursor that demands what the writer writes ---- */
struct cursor {
	const char *at;
	bool bad;
};

static void expect(struct cursor *cursor, const char *literal)
{
	size_t length = strlen(literal);
	if (!cursor->bad && strncmp(cursor->at, literal, length) == 0)
		cursor->at += length;
	else
		cursor->bad = true;
}

static int64_t number(struct cursor *cursor, int64_t min, int64_t max)
{
	char *end = NULL;
	if (cursor->bad)
		return 0;
	errno = 0;
	int64_t value = strtoll(cursor->at, &end, 10);
	if (errno || end == cursor->at || value < min || value > max)
		cursor->bad = true;
	cursor->at = end;
	return value;
}

static bool boolean(struct cursor *cursor)
{
	bool value = !cursor->bad && *cursor->at == 't';
	expect(cursor, value ? "true" : "false");
	return value;
}

static void text(struct cursor *cursor, char *out, size_t size)
{
	size_t n = 0;
	while (!cursor->bad && *cursor->at != '"') {
		if (*cursor->at == '\\')
			cursor->at++;
		if (!*cursor->at || n + 1 >= size)
			cursor->bad = true;
		else
			out[n++] = *cursor->at++;
	}
	out[n] = '\0';
}

static bool parse(const char *line, struct container_state *ret)
{
	struct cursor cursor = {.at = line};
	struct container_state state = {.pid = 0};
	char status[32] = "";
	expect(&cursor, "{\"status\":\"");
	text(&cursor, status, sizeof(status));
	if (!container_status_from_name(status, &state.status))
		return false;
	expect(&cursor, "\",\"pid\":");
	state.pid = (int32_t)number(&cursor, 0, INT32_MAX);
	expect(&cursor, ",\"monitorPid\":");
	state.monitor_pid = (int32_t)number(&cursor, 0, INT32_MAX);
	expect(&cursor, ",\"started\":");
	state.started_ns = number(&cursor, 0, INT64_MAX);
	expect(&cursor, ",\"finished\":");
	state.finished_ns = number(&cursor, 0, INT64_MAX);
	expect(&cursor, ",\"exitCode\":");
	state.exit_code = (int32_t)number(&cursor, 0, INT32_MAX);
	expect(&cursor, ",\"restartCount\":");
	state.restart_count = (int32_t)number(&cursor, 0, INT32_MAX);
	expect(&cursor, ",\"oomKilled\":");
	state.oom_killed = boolean(&cursor);
	expect(&cursor, ",\"stoppedByUser\":");
	state.stopped_by_user = boolean(&cursor);
	expect(&cursor, ",\"error\":\"");
	text(&cursor, state.error, sizeof(state.error));
	expect(&cursor, "\"}\n");
	if (cursor.bad || *cursor.at)
		return false;
	*ret = state;
	return true;
}

int container_state_read_at(int dirfd, const char *path, struct container_state *ret, struct error *err)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_sys(err, errno, "read the container's state");
	char line[STATE_MAX + 1];
	ssize_t n = read(fd, line, STATE_MAX);
	if (n < 0)
		return error_sys(err, errno, "read the container's state");
	line[n] = '\0';
	if (!parse(line, ret))
		return error_set(err, EBADMSG, "the container's state file is damaged");
	return 0;
}

int container_state_read(int dirfd, struct container_state *ret, struct error *err)
{
	return container_state_read_at(dirfd, STATE_FILE, ret, err);
}
