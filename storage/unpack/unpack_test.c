/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks tars into a directory of its own (in single-id mode, and with owners where the test runs as root), looks at
 * the tree, and has the tar made again from it. */
#include "storage/unpack/unpack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "storage/unpack/fixture.h"

static void assert_content(const struct layer *layer, const char *path, const char *content)
{
	auto_free char *found = NULL;
	struct error err = ERROR_INIT;
	file_read_at(layer->diff, path, 1 << 20, &found, NULL, &err);
	assert_string_equal(err.text, "");
	assert_string_equal(found, content);
}

static mode_t type_of(const struct layer *layer, const char *path)
{
	struct stat status;
	return fstatat(layer->diff, path, &status, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : status.st_mode & S_IFMT;
}

static bool is_whiteout(const struct layer *layer, const char *path)
{
	struct stat status;
	return fstatat(layer->diff, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(status.st_mode) &&
	       status.st_rdev == makedev(0, 0);
}

static bool is_opaque(const struct layer *layer, const char *path)
{
	auto_close int fd = openat(layer->diff, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value[2];
	return fd >= 0 && fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)) == 1 && value[0] == 'y';
}

/* Something hostile is refused, in words that name it, and nothing is left or has come to be elsewhere. */
static void assert_refused(const struct strbuf *tar, const char *words)
{
	auto_layer struct layer layer;
	struct error err = ERROR_INIT;
	assert_true(unpack(&layer, tar, &err) < 0);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	assert_int_equal(unlinkat(layer.fd, "diff", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(layer.fd, "kept", AT_REMOVEDIR), 0);
}

/* ---- what is ordinary ---- */
static void test_each_type(void **state)
{
	(void)state;
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	struct stat status, other;
	compose_add(&tar, (struct compose){.type = '5', .name = "./", .mode = 0755});
	compose_add(&tar,
		    (struct compose){.type = '5', .name = "./bin/", .mode = 0700, .uid = 3, .gid = 4, .mtime = 77});
	compose_add(&tar,
		    (struct compose){.type = '0', .name = "./bin/sh", .mode = 04755, .content = "#!", .mtime = 123});
	compose_add(&tar, (struct compose){.type = '2', .name = "./bin/link", .link = "/etc/passwd", .mtime = 5});
	compose_add(&tar, (struct compose){.type = '1', .name = "./bin/hard", .link = "./bin/sh"});
	compose_add(&tar, (struct compose){.type = '1', .name = "./bin/hard-link", .link = "bin/link"});
	compose_add(&tar, (struct compose){.type = '6', .name = "./fifo", .mode = 0620});
	compose_add(&tar, (struct compose){.type = '3', .name = "./dev/null", .major = 1, .minor = 3});
	compose_add(&tar, (struct compose){.type = '1', .name = "./dev/null2", .link = "./dev/null"});
	compose_add(&tar, (struct compose){.type = '0', .name = "name with \xff\xfe", .content = "x"});
	compose_end(&tar);
	unpack_well(&layer, &tar);
	assert_content(&layer, "bin/sh", "#!");
	assert_int_equal(fstatat(layer.diff, "bin/sh", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 04755);
	assert_int_equal(status.st_mtime, 123);
	assert_int_equal(fstatat(layer.diff, "bin/hard", &other, 0), 0);
	assert_int_equal(status.st_ino, other.st_ino);
	assert_int_equal(fstatat(layer.diff, "bin", &status, 0), 0);
	assert_int_equal(status.st_mtime, 77);
	assert_int_equal(status.st_uid, geteuid() == 0 ? 3 : geteuid());
	assert_int_equal(fstatat(layer.diff, "bin/link", &status, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(status.st_mtime, 5);
	assert_int_equal(type_of(&layer, "bin/hard-link"), S_IFLNK);
	assert_int_equal(type_of(&layer, "fifo"), S_IFIFO);
	assert_int_equal(type_of(&layer, "dev"), S_IFDIR);
	assert_int_equal(type_of(&layer, "dev/null"), 0);
	assert_int_equal(type_of(&layer, "dev/null2"), 0);
	assert_content(&layer, "name with \xff\xfe", "x");
	assert_int_equal(layer.result.size, 3);
}

/* ---- what real programs make, beside `tar x` ---- */
static char *run_shell(const struct layer *layer, const char *script)
{
	auto_free char *line = xasprintf("cd %s && { %s\n}", layer->path, script);
	FILE *pipe = popen(line, "re");
	assert_non_null(pipe);
	auto_strbuf struct strbuf out = STRBUF_INIT;
	char piece[4096];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), pipe)) > 0;)
		strbuf_add(&out, piece, n);
	assert_int_equal(pclose(pipe), 0);
	return strbuf_take(&out);
}

static const char make_tree[] =
    "mkdir -p src/a/b src/empty && cd src && seq 20000 >a/numbers && : >a/nothing && ln a/numbers a/b/hard && ln -s "
    "../numbers a/b/soft &&"
    "printf %0150d 0 | xargs -I{} sh -c 'mkdir -p long/{} && echo deep >long/{}/{}' && chmod 2750 a/b && chmod 600 "
    "a/numbers &&"
    "truncate -s 3000000 holes && printf middle | dd of=holes bs=1 seek=1234567 conv=notrunc status=none &&"
    "truncate -s 5000000 hole && for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf $i | dd of=many bs=1 seek=${i}00000 "
    "conv=notrunc status=none; done;"
    "mkfifo pipe; touch -d '1969-07-20 20:17:40' old; touch -d '2001-02-03 04:05:06.789' -h a/b/soft a/b; cd ..";

static void check_against_tar(const char *options)
{
	auto_layer struct layer tools, layer;
	layer_make(&tools);
	free(run_shell(&tools, make_tree));
	auto_free char *command =
	    xasprintf("tar -C src -cf out.tar %s . && mkdir ref && tar -C ref -xpf out.tar", options);
	free(run_shell(&tools, command));
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	auto_free char *data = NULL;
	size_t length;
	assert_int_equal(file_read_at(tools.fd, "out.tar", 64 << 20, &data, &length, NULL), 0);
	strbuf_add(&tar, data, length);
	unpack_well(&layer, &tar);
	static const char describe[] = "find . -mindepth 1 -printf '%p %y %m %U %G %n %T@ %l %s\\n' | sed '/ d /s/ "
				       "[0-9]*$//' | sort; find . -type f -exec sha256sum {} + | sort";
	auto_free char *reference = xasprintf("cd ref; %s", describe), *ours = xasprintf("cd diff; %s", describe);
	auto_free char *expected = run_shell(&tools, reference), *found = run_shell(&layer, ours);
	assert_string_equal(found, expected);
	auto_free char *blocks = run_shell(&layer, "stat -c %b diff/hole");
	assert_true(strstr(options, "-S") == NULL || atoi(blocks) < 100);
}

static void test_as_tar_does(void **state)
{
	(void)state;
	check_against_tar("--format=gnu");
	check_against_tar("--format=pax");
	check_against_tar("--format=gnu -S");
	check_against_tar("--format=pax -S --sparse-version=0.0");
	check_against_tar("--format=pax -S --sparse-version=0.1");
	check_against_tar("--format=pax -S --sparse-version=1.0");
	check_against_tar("--format=gnu -b 77 --exclude=holes");
}

static void test_odd_ends(void **state)
{
	(void)state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	{
		auto_layer struct layer layer;
		unpack_well(&layer, &tar); /* nothing at all */
	}
	compose_add(&tar, (struct compose){.type = '0', .name = "a", .content = "x"});
	{
		auto_layer struct layer layer;
		unpack_well(&layer, &tar); /* no trailer */
	}
	compose_end(&tar);
	strbuf_puts(&tar, "something behind the end");
	{
		auto_layer struct layer layer;
		unpack_well(&layer, &tar);
		assert_content(&layer, "a", "x");
	}
	tar.data[tar.length - 600] = 'x'; /* in the second zero block */
	assert_refused(&tar, "damaged");
}

/* ---- the same names again ---- */
static void test_later_entries_replace_earlier_ones(void **state)
{
	(void)state;
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	compose_add(&tar, (struct compose){.type = '0', .name = "a", .content = "first"});
	compose_add(&tar, (struct compose){.type = '1', .name = "hard", .link = "a"});
	compose_add(&tar, (struct compose){.type = '0', .name = "a", .content = "second"});
	compose_add(&tar, (struct compose){.type = '5', .name = "d", .mode = 0755});
	compose_add(&tar, (struct compose){.type = '0', .name = "d/f", .content = "below"});
	compose_add(&tar, (struct compose){.type = '0', .name = "d/f", .content = "below again"});
	compose_add(&tar, (struct compose){.type = '2', .name = "l", .link = "d"});
	compose_add(&tar, (struct compose){.type = '0', .name = "l/through", .content = "via link"});
	compose_add(&tar, (struct compose){.type = '5', .name = "d", .mode = 0711});
	compose_add(&tar, (struct compose){.type = '0', .name = "d/through", .content = "via link, again"});
	compose_add(&tar, (struct compose){.type = '0', .name = "d", .content = "a file now"});
	compose_add(&tar, (struct compose){.type = '5', .name = "a", .mode = 0755});
	compose_add(&tar, (struct compose){.type = '0', .name = "a/inner", .content = "third"});
	compose_add(&tar, (struct compose){.type = '2', .name = "hard", .link = "nowhere"});
	compose_add(&tar, (struct compose){.type = '1', .name = "a/inner", .link = "a/inner"});
	compose_end(&tar);
	unpack_well(&layer, &tar);
	assert_content(&layer, "d", "a file now");
	assert_content(&layer, "a/inner", "third");
	assert_int_equal(type_of(&layer, "hard"), S_IFLNK);
	assert_int_equal(type_of(&layer, "l"), S_IFLNK);
}

/* ---- whiteouts ---- */
static void test_whiteouts(void **state)
{
	(void)state;
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	compose_add(&tar, (struct compose){.type = '0', .name = "etc/.wh.gone"});
	compose_add(&tar, (struct compose){.type = '0', .name = "opaque/.wh..wh..opq"});
	compose_add(&tar, (struct compose){.type = '0', .name = "opaque/new", .content = "n"});
	compose_add(&tar, (struct compose){.type = '0', .name = ".wh.file", .content = "content nobody needs"});
	compose_add(&tar, (struct compose){.type = '0', .name = "file", .content = "there"});
	compose_add(&tar, (struct compose){.type = '0', .name = "file2", .content = "there too"});
	compose_add(&tar, (struct compose){.type = '0', .name = ".wh.file2"});
	compose_add(&tar, (struct compose){.type = '0', .name = ".wh.dir"});
	compose_add(&tar, (struct compose){.type = '5', .name = "dir", .mode = 0755});
	compose_add(&tar, (struct compose){.type = '5', .name = "dir2", .mode = 0755});
	compose_add(&tar, (struct compose){.type = '0', .name = ".wh.dir2"});
	compose_add(&tar, (struct compose){.type = '0', .name = ".wh.dir3"});
	compose_add(&tar, (struct compose){.type = '0', .name = "dir3/below", .content = "b"});
	compose_add(&tar, (struct compose){.type = '0', .name = ".wh..wh.plnk/12.34", .content = "AUFS"});
	compose_add(&tar, (struct compose){.type = '0', .name = ".wh..wh.aufs", .content = "AUFS"});
	compose_end(&tar);
	unpack_well(&layer, &tar);
	if (!layer.xattrs) {
		assert_int_equal(type_of(&layer, "etc/.wh.gone"), S_IFREG);
		assert_int_equal(type_of(&layer, "dir/.wh..wh..opq"), S_IFREG);
		return;
	}
	assert_true(is_whiteout(&layer, "etc/gone"));
	assert_true(is_opaque(&layer, "opaque"));
	assert_false(is_opaque(&layer, "etc"));
	assert_content(&layer, "opaque/new", "n");
	assert_content(&layer, "file", "there");
	assert_content(&layer, "file2", "there too");
	assert_true(is_opaque(&layer, "dir"));
	assert_true(is_opaque(&layer, "dir2"));
	assert_true(is_opaque(&layer, "dir3"));
	assert_int_equal(type_of(&layer, ".wh..wh.plnk"), 0);
	assert_int_equal(type_of(&layer, ".wh.file"), 0);
}

static void test_malformed_whiteouts_are_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"a/.wh.", ".wh..", ".wh...", ".wh.d/file"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_strbuf struct strbuf tar = STRBUF_INIT;
		compose_add(&tar, (struct compose){.type = '0', .name = names[i], .content = "x"});
		assert_refused(&tar, "malformed whiteout");
	}
}

/* ---- hostility ---- */
static void test_nothing_gets_out(void **state)
{
	(void)state;
	char outside[] = "/tmp/unpack-outside-XXXXXX";
	assert_non_null(mkdtemp(outside));
	auto_free char *absolute = xasprintf("%s/absolute", outside), *through = xasprintf("%s/victim", outside);
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	auto_free char *name = xasprintf("link%s", "/planted");
	compose_add(&tar, (struct compose){.type = '0', .name = absolute, .content = "inside"});
	compose_add(&tar, (struct compose){.type = '2', .name = "link", .link = outside});
	compose_add(&tar, (struct compose){.type = '0', .name = name, .content = "inside too"});
	compose_add(&tar, (struct compose){.type = '2', .name = "up", .link = "../../../../../../../tmp"});
	compose_add(&tar, (struct compose){.type = '0', .name = "up/planted", .content = "still inside"});
	compose_add(&tar, (struct compose){.type = '0', .name = "a/b/../../c", .content = "clean"});
	compose_add(&tar, (struct compose){.type = '2', .name = "last", .link = through});
	compose_add(&tar, (struct compose){.type = '0', .name = "last", .content = "replaces the link"});
	compose_end(&tar);
	unpack_well(&layer, &tar);
	assert_content(&layer, absolute + 1, "inside");
	auto_free char *planted = xasprintf("%s/planted", outside + 1);
	assert_content(&layer, planted, "inside too");
	assert_content(&layer, "tmp/planted", "still inside");
	assert_content(&layer, "c", "clean");
	assert_content(&layer, "last", "replaces the link");
	assert_int_equal(rmdir(outside), 0); /* it is empty */
}

static void refuse_entry(struct compose first, struct compose second, const char *words)
{
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	compose_add(&tar, (struct compose){.type = '0', .name = "before", .content = "must not stay"});
	if (first.name)
		compose_add(&tar, first);
	compose_add(&tar, second);
	compose_end(&tar);
	assert_refused(&tar, words);
}

static void test_hostile_entries_are_refused(void **state)
{
	(void)state;
	const struct compose none = {0};
	refuse_entry(none, (struct compose){.type = '0', .name = "../x", .content = "x"}, "leads out");
	refuse_entry(none, (struct compose){.type = '0', .name = "a/../../x", .content = "x"}, "leads out");
	refuse_entry(none, (struct compose){.type = '1', .name = "x", .link = "../../../etc/passwd"}, "leads out");
	refuse_entry(none, (struct compose){.type = '1', .name = "x", .link = "/etc/passwd"}, "does not have");
	refuse_entry((struct compose){.type = '2', .name = "e", .link = "/etc"},
		     (struct compose){.type = '1', .name = "x", .link = "e/passwd"}, "does not have");
	refuse_entry((struct compose){.type = '5', .name = "d", .mode = 0755},
		     (struct compose){.type = '1', .name = "x", .link = "d"}, "is a directory");
	refuse_entry((struct compose){.type = '0', .name = ".wh.w"},
		     (struct compose){.type = '1', .name = "x", .link = "w"}, "does not have");
	refuse_entry((struct compose){.type = '0', .name = "f"},
		     (struct compose){.type = '0', .name = "f/x", .content = "x"}, "not a directory");
	refuse_entry((struct compose){.type = '2', .name = "s", .link = "s"},
		     (struct compose){.type = '0', .name = "s/x"}, "symbolic links");
	refuse_entry((struct compose){.type = '2', .name = "s", .link = "none"},
		     (struct compose){.type = '0', .name = "s/x"}, "not a directory");
	refuse_entry(none, (struct compose){.type = '0', .name = "/", .content = "x"}, "not a directory");
	refuse_entry(none, (struct compose){.type = '2', .name = "s", .link = ""}, "symlink to nothing");
	refuse_entry(none, (struct compose){.type = 'Q', .name = "q"}, "unknown type");
	refuse_entry(none, (struct compose){.type = '0', .name = "z", .pax = "size=99999999999999999999\n"},
		     "no number");
	refuse_entry(none, (struct compose){.type = '0', .name = "z", .pax = "size=-5\n"}, "impossible size");
	refuse_entry(none,
		     (struct compose){
			 .type = '0', .name = "z", .content = "abc", .pax = "GNU.sparse.size=2\nGNU.sparse.map=0,3\n"},
		     "map is damaged");
	refuse_entry(
	    none,
	    (struct compose){
		.type = '0', .name = "z", .content = "abc", .pax = "GNU.sparse.size=9\nGNU.sparse.map=5,1,0,2\n"},
	    "map is damaged");
}

static void test_headers_are_bounded(void **state)
{
	(void)state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	auto_free char *large = xcalloc(1, TAR_EXTENDED_MAX + 1);
	compose_data(&tar, 'L', large, TAR_EXTENDED_MAX + 1);
	assert_refused(&tar, "extended header");
	strbuf_truncate(&tar, 0);
	for (int i = 0; i < 3; i++)
		compose_data(&tar, 'K', large, TAR_EXTENDED_MAX / 2);
	assert_refused(&tar, "extended header");
	strbuf_truncate(&tar, 0);
	memset(large, 'n', 5000);
	compose_data(&tar, 'L', large, 5000);
	compose_header(&tar, &(struct compose){.type = '0', .name = "x"}, 0);
	compose_end(&tar);
	assert_refused(&tar, "too long");
	strbuf_truncate(&tar, 0);
	compose_data(&tar, 'x', "7 path\n", 7);
	assert_refused(&tar, "pax header");
}

static void test_ids_outside_of_the_mapping(void **state)
{
	(void)state;
	struct id_mapping few = {.uids = {.ranges = {{0, 0, 10}}, .count = 1},
				 .gids = {.ranges = {{0, 0, 10}}, .count = 1}};
	few.uids.ranges[0].outside = few.gids.ranges[0].outside = geteuid();
	auto_layer struct layer layer;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	struct error err = ERROR_INIT;
	compose_add(&tar, (struct compose){.type = '0', .name = "var/mail", .gid = 12});
	compose_end(&tar);
	assert_int_equal(unpack_as(&layer, &few, &tar, NULL, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "var/mail"));
	assert_non_null(strstr(err.text, "gid 12"));
	assert_non_null(strstr(err.text, "usermod --add-subgids"));
}

static void test_digests_are_checked(void **state)
{
	(void)state;
	static const char wrong[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	struct error err = ERROR_INIT;
	compose_add(&tar, (struct compose){.type = '0', .name = "a", .content = "x"});
	compose_end(&tar);
	for (int i = 0; i < 2; i++) {
		auto_layer struct layer layer;
		assert_int_equal(unpack_as(&layer, NULL, &tar, i == 0 ? wrong : NULL, i == 1 ? wrong : NULL, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.text, wrong));
	}
	char right[DIGEST_TEXT_MAX];
	assert_int_equal(digest_of(tar.data, tar.length, right, NULL), 0);
	auto_layer struct layer layer;
	assert_int_equal(unpack_as(&layer, NULL, &tar, right, right, &err), 0);
	assert_string_equal(layer.result.blob_digest, right);
	assert_int_equal(layer.result.tar_size, tar.length);
}

static void assert_told_as_another(const void *data, size_t length)
{
	static const char wanted[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	auto_layer struct layer layer;
	struct strbuf blob = {.data = (char *)data, .length = length};
	char digest[DIGEST_TEXT_MAX];
	struct error err = ERROR_INIT;
	assert_int_equal(digest_of(data, length, digest, NULL), 0);
	assert_int_equal(unpack_as(&layer, NULL, &blob, wanted, NULL, &err), -EBADMSG);
	assert_non_null(strstr(err.text, digest));
	assert_non_null(strstr(err.text, wanted));
}

/* What is no tar, or no gzip, is first of all not what was asked for; to its end, however long it is. */
static void test_another_blob_is_told_as_one(void **state)
{
	static char text[3 << 20];
	(void)state;
	memset(text, 'x', sizeof(text));
	assert_told_as_another(text, 5);
	assert_told_as_another(text, sizeof(text));
	memcpy(text, "\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
	assert_told_as_another(text, sizeof(text));
	assert_told_as_another(text, 12);
	/* The right one is told for what it is. */
	auto_layer struct layer layer;
	struct strbuf blob = {.data = text, .length = sizeof(text)};
	char digest[DIGEST_TEXT_MAX];
	struct error err = ERROR_INIT;
	assert_int_equal(digest_of(text, sizeof(text), digest, NULL), 0);
	assert_int_equal(unpack_as(&layer, NULL, &blob, digest, NULL, &err), -EBADMSG);
	assert_string_equal(err.text, "the gzip data are damaged");
}

static void test_truncation(void **state)
{
	(void)state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	auto_free char *content = xcalloc(1, 3001);
	memset(content, 'c', 3000);
	compose_add(&tar, (struct compose){.type = '0', .name = "a", .content = content, .pax = "comment=x\n"});
	compose_end(&tar);
	for (size_t length = 1; length < tar.length - 2 * (size_t)TAR_BLOCK; length += 97) {
		struct strbuf cut = {.data = tar.data, .length = length};
		if (length % TAR_BLOCK != 0)
			assert_refused(&cut, length < TAR_BLOCK ? "not a tar archive" : "truncated");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_type),
	    cmocka_unit_test(test_as_tar_does),
	    cmocka_unit_test(test_odd_ends),
	    cmocka_unit_test(test_later_entries_replace_earlier_ones),
	    cmocka_unit_test(test_whiteouts),
	    cmocka_unit_test(test_malformed_whiteouts_are_refused),
	    cmocka_unit_test(test_nothing_gets_out),
	    cmocka_unit_test(test_hostile_entries_are_refused),
	    cmocka_unit_test(test_headers_are_bounded),
	    cmocka_unit_test(test_ids_outside_of_the_mapping),
	    cmocka_unit_test(test_digests_are_checked),
	    cmocka_unit_test(test_another_blob_is_told_as_one),
	    cmocka_unit_test(test_truncation),
	};
	umask(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
