/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/convert/convert.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "pkg/process/process.h"
#include "storage/contents/contents.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"
#include "storage/pack/pack.h"
#include "storage/recipe/recipe.h"

#define FILE_NAME   "squashfs"
#define JSON_MAX    ((size_t)1024 * 1024)
#define ACCOUNT_MAX ((size_t)1024 * 1024)

int convert_check_programs(struct error *err)
{
	auto_free char *program = find_program("mksquashfs");
	if (!program)
		return error_set(err, ENOENT, "mksquashfs is not installed; install the package squashfs-tools");
	return squash_check_programs(err);
}

/* ---- a tar from a process that may read the layers ---- */
struct source {
	struct store *store;
	const struct strv *diff_ids; /* NULL: what is staged */
	int stage_fd;
	int pipe[2];
};

static int write_piece(void *userdata, const void *data, size_t length, struct error *err)
{
	const struct source *source = userdata;
	int r = write_all(source->pipe[1], data, length);
	return r < 0 ? error_sys(err, r, "pass it on") : 0;
}

static int write_tar(void *data, struct error *err)
{
	struct source *source = data;
	auto_contents struct contents *contents = NULL;
	signal(SIGPIPE, SIG_IGN);
	close(TAKE_FD(source->pipe[0]));
	if (!source->diff_ids)
		return recipe_regenerate(source->stage_fd, write_piece, source, err);
	int r = contents_read(source->store, source->diff_ids, &contents, err);
	return r < 0 ? r : pack_contents(source->store, contents, -1, source->pipe[1], err);
}

static int begin(struct source *source, struct mapped *ret, struct error *err)
{
	if (pipe2(source->pipe, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	int r = store_begin_mapped(source->store, write_tar, source, ret, err);
	close(TAKE_FD(source->pipe[1]));
	if (r < 0)
		close(TAKE_FD(source->pipe[0]));
	return r;
}

/* Both ends fail when one does; the one that failed first tells why. */
static int finish(struct source *source, struct mapped *mapped, int r, struct error *err)
{
	struct error writing = ERROR_INIT;
	close(TAKE_FD(source->pipe[0]));
	int written = store_finish_mapped(mapped, &writing);
	if (written < 0 && (r == 0 || written != -EPIPE)) {
		*err = writing;
		return written;
	}
	return r;
}

/* ---- the recipe ---- */
static int unpack(struct store *store, struct unpacker *unpacker, const struct strv *diff_ids, struct stage *stage,
		  struct unpack_result *ret, struct error *err)
{
	struct source source = {.store = store, .diff_ids = diff_ids};
	struct mapped mapped;
	int r = begin(&source, &mapped, err);
	if (r < 0)
		return r;
	struct unpack_request request = {.fd = source.pipe[0], .offset = -1, .length = -1, .name = "the image"};
	r = unpacker_layer(unpacker, stage, &request, ret, err);
	return finish(&source, &mapped, r, err);
}

/* ---- the file ---- */
static int make_file(struct store *store, struct stage *stage, struct error *err)
{
	struct source source = {.store = store, .stage_fd = stage->fd};
	struct mapped mapped;
	auto_strbuf struct strbuf output = STRBUF_INIT;
	auto_free char *path = xasprintf("%s/tmp/%s/" FILE_NAME, store->root, stage->name);
	int r = begin(&source, &mapped, err);
	if (r < 0)
		return r;
	/* The tar has no entry for the root, which is made as any image has it. */
	const char *const argv[] = {"mksquashfs",   "-",      path,           "-tar",       "-noappend",
				    "-no-progress", "-quiet", "-no-recovery", "-root-mode", "0755",
				    "-root-uid",    "0",      "-root-gid",    "0",          NULL};
	r = spawn_run(&(struct spawn){.argv = argv, .input_fd = source.pipe[0], .output = &output}, err);
	return finish(&source, &mapped, r, err);
}

static int describe(int stage_fd, struct error *err)
{
	auto_json struct json_object *json = NULL;
	auto_digest struct digest *digest = NULL;
	auto_stream struct stream *stream = NULL;
	char text[DIGEST_TEXT_MAX];
	struct stat st;
	auto_close int fd = openat(stage_fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, 0444) < 0)
		return error_sys(err, errno, "open the squashfs file");
	int r = digest_new(NULL, &digest, err);
	if (r == 0)
		r = stream_open_fd(fd, 0, -1, "the squashfs file", &stream, err);
	if (r == 0)
		r = stream_hash(TAKE_PTR(stream), digest, &stream, err);
	if (r == 0)
		r = stream_drain(stream, err);
	if (r == 0)
		r = digest_finish(digest, text, err);
	if (r == 0)
		r = json_read_at(stage_fd, "layer.json", JSON_MAX, &json, err);
	if (r < 0)
		return r;
	struct json_object *member = json_object_new_object();
	json_add_string(member, "digest", text);
	json_add_int(member, "size", st.st_size);
	json_object_object_add(json, "squashfs", member);
	auto_free char *written = json_text(json, false);
	return file_write_at(stage_fd, "layer.json", written, strlen(written), 0644, 0, err);
}

/* ---- what is left of the tree ---- */
struct accounts {
	char *texts[2];
};

static const char *const account_files[] = {"etc/passwd", "etc/group"};

static void accounts_free(struct accounts *accounts)
{
	for (size_t i = 0; i < ARRAY_SIZE(accounts->texts); i++)
		free(accounts->texts[i]);
}

static void read_accounts(int stage_fd, struct accounts *ret)
{
	auto_close int diff = openat(stage_fd, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; diff >= 0 && i < ARRAY_SIZE(account_files); i++) {
		auto_close int fd = open_in_root(diff, account_files[i], O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
		struct stat st;
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			file_read_fd(fd, account_files[i], ACCOUNT_MAX, &ret->texts[i], NULL, NULL);
	}
}

static int leave_accounts(int stage_fd, const struct accounts *accounts, struct error *err)
{
	if (mkdirat(stage_fd, "diff", 0755) < 0 || mkdirat(stage_fd, "diff/etc", 0755) < 0)
		return error_sys(err, errno, "make the directory to mount on");
	for (size_t i = 0; i < ARRAY_SIZE(account_files); i++) {
		auto_free char *path = xasprintf("diff/%s", account_files[i]);
		const char *text = accounts->texts[i];
		int r = text ? file_write_at(stage_fd, path, text, strlen(text), 0644, 0, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int drop_tree(struct unpacker *unpacker, struct stage *stage, struct error *err)
{
	unpacker_discard(unpacker, stage);
	unlinkat(stage->fd, "kept", AT_REMOVEDIR);
	return tree_remove_at(stage->fd, "diff", err);
}

/* ---- the whole ---- */
int convert_squash(struct store *store, const struct strv *diff_ids, struct stage *stage, struct unpack_result *ret,
		   struct error *err)
{
	CLEANUP(accounts_free) struct accounts accounts = {0};
	auto_unpacker struct unpacker *unpacker = NULL;
	int r = convert_check_programs(err);
	if (r == 0)
		r = unpacker_start(store, 0, &unpacker, err);
	if (r == 0)
		r = store_stage(store, stage, err);
	if (r < 0)
		return r;
	r = unpack(store, unpacker, diff_ids, stage, ret, err);
	if (r < 0)
		return r;
	read_accounts(stage->fd, &accounts);
	r = make_file(store, stage, err);
	if (r == 0)
		r = describe(stage->fd, err);
	int dropped = drop_tree(unpacker, stage, r == 0 ? err : NULL);
	if (r == 0)
		r = dropped;
	if (r == 0)
		r = leave_accounts(stage->fd, &accounts, err);
	return r < 0 ? r : unpack_sync(stage->fd, err);
}
