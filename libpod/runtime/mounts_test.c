/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options, as they are read and as they are found inside. */
#include "libpod/runtime/testing.h"

static struct mount_options parse(const char *type, const char *const *options)
{
	struct spec spec;
	struct mount_options parsed;
	struct error err = ERROR_INIT;
	spec_init(&spec);
	spec_add_mount(&spec, "/x", type, "/y", options);
	if (mount_options_parse(&spec.mounts[0], &parsed, &err) < 0)
		fail_msg("%s", err.text);
	spec_free(&spec);
	return parsed;
}

static void test_words(void **state)
{
	(void)state;
	auto_mount_options struct mount_options bind =
	    parse(NULL, OPTIONS("rbind", "rw", "nosuid", "ro", "suid", "rro", "noatime", "rslave", "shared", "sync"));
	assert_true(bind.bind && bind.recursive);
	assert_int_equal(bind.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME);
	assert_int_equal(bind.clear, MOUNT_ATTR_NOSUID | MOUNT_ATTR__ATIME);
	assert_int_equal(bind.set_recursive, MOUNT_ATTR_RDONLY);
	assert_int_equal(bind.propagation_count, 2);
	assert_int_equal(bind.propagation[0].type, MS_SLAVE);
	assert_true(bind.propagation[0].recursive);
	assert_false(bind.propagation[1].recursive);
	assert_int_equal(bind.data.count, 0);
	auto_mount_options struct mount_options tmpfs =
	    parse("tmpfs", OPTIONS("mode=755", "noexec", "size=1m", "tmpcopyup", "defaults", "sync"));
	assert_false(tmpfs.bind);
	assert_true(tmpfs.copy_up);
	assert_int_equal(tmpfs.set, MOUNT_ATTR_NOEXEC);
	assert_int_equal(tmpfs.data.count, 3);
	assert_string_equal(tmpfs.data.items[1], "size=1m");
}

static void test_wrong_words(void **state)
{
	struct box *box = *state;
	box_args(box, OPTIONS("true"));
	spec_add_mount(&box->spec, "/etc", "bind", "/etc", OPTIONS("bind", "nonsense"));
	box_expect_failure(box, "mount /etc: unknown option 'nonsense' of a bind mount", 125);
	free(box->spec.mounts[box->spec.mounts_count - 1].type);
	box->spec.mounts[box->spec.mounts_count - 1].type = xstrdup("tmpfs");
	strv_clear(&box->spec.mounts[box->spec.mounts_count - 1].options);
	strv_add(&box->spec.mounts[box->spec.mounts_count - 1].options, "nonsense");
	box_expect_failure(box, "mount /etc: mount tmpfs: Invalid argument", 125);
	strv_clear(&box->spec.mounts[box->spec.mounts_count - 1].options);
	strv_add(&box->spec.mounts[box->spec.mounts_count - 1].options, "idmap");
	box_expect_failure(box, "mount /etc: idmap: /etc cannot be mounted with other owners", 125);
}

static void test_wrong_places(void **state)
{
	struct box *box = *state;
	box_args(box, OPTIONS("true"));
	spec_add_mount(&box->spec, "/bin/busybox", "bind", box->dir, OPTIONS("rbind"));
	box_expect_failure(box, "are you trying to mount a directory onto a file", 125);
	free(box->spec.mounts[box->spec.mounts_count - 1].source);
	box->spec.mounts[box->spec.mounts_count - 1].source = xstrdup("/no/such/source");
	box_expect_failure(box, "mount /bin/busybox: bind mount of /no/such/source: No such file or directory", 125);
}

static void test_files_and_directories_are_made(void **state)
{
	struct box *box = *state;
	box_file(box, "/etc/source", 0644, "data\n");
	auto_free char *source = xasprintf("%s/etc/source", box->root);
	spec_add_mount(&box->spec, "/a/new/file", "bind", source, OPTIONS("bind", "ro"));
	spec_add_mount(&box->spec, "/a/new/directory", "tmpfs", "tmpfs", OPTIONS("mode=711", "size=64k"));
	box_expect(box,
		   "cat /a/new/file; echo x >/a/new/file; stat -c %a /a/new/directory;"
		   "dd if=/dev/zero of=/a/new/directory/x bs=1k count=100 2>/dev/null; stat -c %s /a/new/directory/x",
		   "data\nsh: can't create /a/new/file: Read-only file system\n711\n65536\n");
}

static void test_copy_up(void **state)
{
	struct box *box = *state;
	box_directory(box, "/data");
	box_file(box, "/data/file", 0640, "below\n");
	box_link(box, "/data/link", "file");
	spec_add_mount(&box->spec, "/data", "tmpfs", "tmpfs", OPTIONS("tmpcopyup", "ro"));
	box_expect(box, "cat /data/link; stat -c %a /data/file; touch /data/x",
		   "below\n640\ntouch: /data/x: Read-only file system\n");
}

/* A tree with a mount in it: "ro" is for its top, "rro" for all of it. */
static void test_recursion(void **state)
{
	struct box *box = *state;
	auto_free char *source = xasprintf("%s/source", box->dir);
	auto_free char *inner = xasprintf("%s/source/inner", box->dir);
	must(mkdir(source, 0755) == 0 && mkdir(inner, 0755) == 0, "mkdir");
	must(mount("tmpfs", inner, "tmpfs", 0, NULL) == 0, "mount");
	spec_add_mount(&box->spec, "/top", "bind", source, OPTIONS("rbind", "ro"));
	spec_add_mount(&box->spec, "/all", "bind", source, OPTIONS("rbind", "rro"));
	box_expect(box, "for p in /top /top/inner /all /all/inner; do touch $p/x 2>/dev/null; echo $?; done",
		   "1\n0\n1\n1\n");
	umount2(inner, MNT_DETACH);
}

/* What is mounted on the host later is seen where it was asked for, and nowhere else. */
static void test_propagation(void **state)
{
	struct box *box = *state;
	auto_free char *source = xasprintf("%s/source", box->dir);
	auto_free char *later = xasprintf("%s/source/later", box->dir);
	must(mkdir(source, 0755) == 0 && mount("tmpfs", source, "tmpfs", 0, NULL) == 0 &&
		 mount(NULL, source, NULL, MS_SHARED, NULL) == 0 && mkdir(later, 0755) == 0,
	     "mount");
	spec_add_mount(&box->spec, "/follows", "bind", source, OPTIONS("rbind", "rslave"));
	spec_add_mount(&box->spec, "/stays", "bind", source, OPTIONS("rbind"));
	spec_add_mount(&box->spec, "/alone", "bind", source, OPTIONS("rbind", "rprivate"));
	box_args(box, OPTIONS("sh", "-c",
			      "touch /tmp/ready; while test ! -e /tmp/go; do sleep 0.02; done;"
			      "for p in follows stays alone; do grep -c \" /$p/later \" /proc/self/mountinfo; done"));
	assert_int_equal(box_start(box), 0);
	assert_int_equal(box_started(box), 0);
	auto_free char *ready = xasprintf("%s/tmp/ready", box->root);
	for (int i = 0; i < 500 && access(ready, F_OK) < 0; i++)
		usleep(10000);
	must(mount("tmpfs", later, "tmpfs", 0, NULL) == 0, later);
	box_file(box, "/tmp/go", 0644, "");
	box_finish(box);
	assert_string_equal(strbuf_text(&box->out), "1\n0\n0\n");
	umount2(source, MNT_DETACH);
}

static void test_devices(void **state)
{
	struct box *box = *state;
	spec_add_device(&box->spec, "/dev/queue", 'p', 0, 0, 0620);
	spec_add_device(&box->spec, "/dev/null", 'c', 1, 3, 0666);
	box_expect(box, "stat -c '%F %a' /dev/queue; stat -c %t:%T /dev/null", "fifo 620\n1:3\n");
	spec_add_device(&box->spec, "/dev/zero", 'c', 1, 3, 0666);
	box_expect_failure(box, "device /dev/zero (c 1:3): No such device", 125);
}

int main(void)
{
	become_single_root();
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words), TEST(test_wrong_words),
	    TEST(test_wrong_places),      TEST(test_files_and_directories_are_made),
	    TEST(test_copy_up),           TEST(test_recursion),
	    TEST(test_propagation),       TEST(test_devices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
