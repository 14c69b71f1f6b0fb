/* SPDX-License-Identifier: Apache-2.0 */
/* -v [SOURCE:]TARGET[:OPTIONS] and --tmpfs TARGET[:OPTIONS], read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/plan/mount_request.h"

static bool is_among(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

int mount_request_word(struct mount_request *request, const char *word, struct error *err)
{
	static const char *const passed[] = {"ro",     "rw",     "private",    "rprivate",    "shared", "rshared",
					     "slave",  "rslave", "unbindable", "exec",        "noexec", "suid",
					     "nosuid", "dev",    "nodev",      "runbindable", NULL};
	/* What concerns SELinux or other systems' sharing, and has no effect here by its own definition. */
	static const char *const without_effect[] = {"z",          "Z",     "cached", "delegated",
						     "consistent", "rbind", "copy",   NULL};
	bool volume = request->kind == MOUNT_VOLUME;
	if (is_among(word, passed))
		strv_add(&request->options, word);
	else if (strcmp(word, "bind") == 0)
		request->no_recursion = true;
	else if (strcmp(word, "U") == 0)
		request->chown = true;
	else if (strcmp(word, "O") == 0)
		request->overlay = true;
	else if (strcmp(word, "nocopy") == 0 && volume)
		request->no_copy = true;
	else if (strcmp(word, "idmap") == 0 || text_starts_with(word, "idmap="))
		request->idmap = (free(request->idmap), xstrdup(word));
	else if (text_starts_with(word, "upperdir="))
		request->upper = (free(request->upper), xstrdup(word + strlen("upperdir=")));
	else if (text_starts_with(word, "workdir="))
		request->work = (free(request->work), xstrdup(word + strlen("workdir=")));
	else if ((strcmp(word, "nocopy") == 0 || strcmp(word, "copy") == 0) && !volume)
		return error_set(err, EINVAL, "%s: %s is for volumes, which are filled from the image, not for folders",
				 request->shown, word);
	else if (!is_among(word, without_effect))
		return error_set(err, EINVAL, "%s: unknown option \"%s\"", request->shown, word);
	return 0;
}

/* The user himself does not get there: that is no matter of the container's ids. */
static void explain_closed(const char *path, struct error *err)
{
	auto_free char *part = xstrdup(path);
	struct stat st, next;
	char *slash = part;
	if (*path != '/' || stat("/", &st) < 0)
		return;
	do {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		bool closed = stat(part, &next) < 0;
		if (slash)
			*slash = '/';
		if (closed) {
			if (slash)
				*slash = '\0';
			char *name = strrchr(part, '/');
			error_advice(err, "; %.*s belongs to %u:%u and has the mode %04o, and you are %u: only its owner, or the machine's root, can open it to you",
				     name == part ? 1 : (int)(name - part), part, st.st_uid, st.st_gid, st.st_mode & 07777, geteuid());
			return;
		}
		st = next;
	} while (slash);
}

int mount_request_source(struct mount_request *request, const char *given, struct error *err)
{
	char *source = realpath(given, NULL);
	if (!source) {
		int r = error_sys(err, errno, "%s: source \"%s\"", request->shown, given);
		if (r == -ENOENT)
			error_advice(err, "; make it first: mkdir -p %s", given);
		if (r == -EACCES)
			explain_closed(given, err);
		return r;
	}
	free(request->source);
	request->source = source;
	return 0;
}

/* At each colon that no backslash stands before. */
static void split(const char *text, struct strv *ret)
{
	auto_strbuf struct strbuf part = STRBUF_INIT;
	for (; *text; text++) {
		if (text[0] == '\\' && text[1] == ':') {
			strbuf_putc(&part, *++text);
		} else if (*text == ':') {
			strv_add(ret, strbuf_text(&part));
			strbuf_truncate(&part, 0);
		} else {
			strbuf_putc(&part, *text);
		}
	}
	strv_add(ret, strbuf_text(&part));
}

static int set_destination(struct mount_request *request, const char *given, struct error *err)
{
	request->destination = mount_destination(given);
	if (!request->destination)
		return error_set(err, EINVAL, "%s: the target \"%s\" must be an absolute path other than /",
				 request->shown, given);
	return 0;
}

static int set_source(struct mount_request *request, const char *given, struct error *err)
{
	if (*given == '/' || *given == '.' || *given == '~') {
		request->kind = MOUNT_BIND;
		return mount_request_source(request, given, err);
	}
	int r = volume_name_check(given, err);
	request->source = xstrdup(given);
	return r < 0 ? error_context(err, "%s", request->shown) : 0;
}

int mount_request_volume(const char *text, struct mount_request *ret, struct error *err)
{
	auto_mount_request struct mount_request request = {.kind = MOUNT_VOLUME, .shown = xasprintf("-v %s", text)};
	auto_strv struct strv parts = STRV_INIT, words = STRV_INIT;
	split(text, &parts);
	if (parts.count > 3 || !*parts.items[0])
		return error_set(err, EINVAL,
				 "-v %s: give [SOURCE:]TARGET[:OPTIONS] with a volume's name or the path of a file or "
				 "folder of yours as source",
				 text);
	int r = parts.count > 1 ? set_source(&request, parts.items[0], err) : 0;
	if (r == 0)
		r = set_destination(&request, parts.items[parts.count > 1], err);
	if (parts.count == 3 && *parts.items[2])
		strv_split(&words, parts.items[2], ',');
	for (size_t i = 0; r == 0 && i < words.count; i++)
		r = mount_request_word(&request, words.items[i], err);
	if (r < 0 || (r = mount_request_check(&request, err)) < 0)
		return r;
	*ret = request;
	request = (struct mount_request){0};
	return 0;
}

int mount_request_tmpfs(const char *text, struct mount_request *ret, struct error *err)
{
	auto_mount_request struct mount_request request = {.kind = MOUNT_TMPFS, .shown = xasprintf("--tmpfs %s", text)};
	const char *colon = strchr(text, ':');
	auto_free char *given = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	int r = set_destination(&request, given, err);
	if (r < 0)
		return r;
	strv_add(&request.options, "noexec");
	/* Later options win: "exec" undoes the default "noexec". */
	if (colon && colon[1])
		strv_split(&request.options, colon + 1, ',');
	*ret = request;
	request = (struct mount_request){0};
	return 0;
}
