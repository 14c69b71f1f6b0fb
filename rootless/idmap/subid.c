/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's subordinate ids, from the program coracle-subid or from its kept answer.
 *
 * The kept answer is the program's output behind one line that says what it depends on: who asked, and device, inode,
 * size and mtime of the files that decide. Anything that does not read well is as if it were not there. A directory
 * service can give a user ranges without any of these files changing: an answer of "none" is therefore believed for ten
 * minutes only, and one that newuidmap(1) refuses is asked for again by the caller (`refresh`).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/program/program.h"
#include "pkg/text/text.h"
#include "rootless/idmap/decide.h"

#define ANSWER_MAX       65536
#define CACHE_NAME       "subid"
#define NONE_BELIEVED_NS (INT64_C(600) * 1000000000)

int subid_parse(const char *text, struct subid_answer *ret)
{
	struct subid_answer answer = {.user = ""};
	while (*text) {
		size_t length = strcspn(text, "\n");
		char line[512];
		uint64_t first, count;
		int end = -1;
		if (length >= sizeof(line) || text[length] != '\n')
			return -EINVAL;
		memcpy(line, text, length);
		line[length] = '\0';
		if (sscanf(line, "user %255[^\n]%n", answer.user, &end) == 1 && line[end] == '\0')
			;
		else if (sscanf(line, "uid %" SCNu64 " %" SCNu64 "%n", &first, &count, &end) == 2 && line[end] == '\0')
			id_map_append(&answer.uids, first, count);
		else if (sscanf(line, "gid %" SCNu64 " %" SCNu64 "%n", &first, &count, &end) == 2 && line[end] == '\0')
			id_map_append(&answer.gids, first, count);
		else
			return -EINVAL;
		text += length + 1;
	}
	if (!*answer.user)
		return -EINVAL;
	*ret = answer;
	return 0;
}

uint32_t subid_first_free(const char *const *texts, size_t count)
{
	uint64_t end = 100000;
	for (size_t i = 0; i < count; i++) {
		for (const char *line = texts[i]; *line; line += strcspn(line, "\n"), line += *line == '\n') {
			uint64_t first, length;
			if (sscanf(line, "%*[^:\n]:%" SCNu64 ":%" SCNu64, &first, &length) == 2 &&
			    first <= UINT32_MAX && length <= UINT32_MAX && first + length > end &&
			    first + length < UINT64_C(1) << 31)
				end = first + length;
		}
	}
	return (uint32_t)end;
}

/* What the answer depends on, as one line. */
static void describe_sources(uint32_t uid, char *out, size_t size)
{
	static const char *const files[] = {"/etc/subuid", "/etc/subgid", "/etc/nsswitch.conf"};
	int n = snprintf(out, size, "1 %" PRIu32, uid);
	for (size_t i = 0; i < ARRAY_SIZE(files) && n > 0 && (size_t)n < size; i++) {
		struct stat st = {0};
		(void)stat(files[i], &st); /* not there: all zeros */
		n += snprintf(out + n, size - (size_t)n, " %" PRIx64 ":%" PRIx64 ":%" PRIx64 ":%" PRId64 ".%09ld",
			      (uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size,
			      (int64_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
}

static bool is_none(const struct subid_answer *answer)
{
	return !answer->uids.count || !answer->gids.count;
}

static bool read_kept(int cache_fd, const char *sources, struct subid_answer *ret)
{
	auto_free char *text = NULL;
	if (cache_fd < 0 || file_read_at(cache_fd, CACHE_NAME, ANSWER_MAX, &text, NULL, NULL) < 0)
		return false;
	size_t length = strlen(sources);
	struct subid_answer answer;
	if (strncmp(text, sources, length) != 0 || text[length] != '\n' || subid_parse(text + length + 1, &answer) < 0)
		return false;
	struct stat st;
	if (is_none(&answer)) {
		if (fstatat(cache_fd, CACHE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return false;
		int64_t age = time_now_ns() - ((int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
		if (age < 0 || age > NONE_BELIEVED_NS)
			return false;
	}
	*ret = answer;
	return true;
}

int subid_ask(int cache_fd, bool refresh, uint32_t uid, struct subid_answer *ret, struct error *err)
{
	char sources[512];
	/* Before the program looks: what changes meanwhile makes the kept answer void. */
	describe_sources(uid, sources, sizeof(sources));
	if (!refresh && read_kept(cache_fd, sources, ret))
		return 0;
	auto_free char *program = NULL;
	int r = program_find("coracle-subid", &program, err);
	if (r < 0)
		return error_context(err, "find the subordinate ids");
	auto_strbuf struct strbuf output = STRBUF_INIT, kept = STRBUF_INIT;
	const char *argv[] = {program, NULL};
	r = spawn_run(&(struct spawn){.argv = argv, .output = &output}, err);
	if (r < 0)
		return error_context(err, "find the subordinate ids");
	if (subid_parse(strbuf_text(&output), ret) < 0)
		return error_set(err, EIO, "find the subordinate ids: %s gave an answer that makes no sense", program);
	strbuf_printf(&kept, "%s\n%s", sources, strbuf_text(&output));
	/* A cache that cannot be written costs a few milliseconds at the next start, no more. */
	if (cache_fd >= 0)
		(void)file_write_at(cache_fd, CACHE_NAME, kept.data, kept.length, 0600, 0, NULL);
	return 0;
}
