/* SPDX-License-Identifier: Apache-2.0 */
/* Ways out of a container, each tried. */
#include <dirent.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "libpod/runtime/testing.h"

static const char *const masked[] = {"/proc/acpi",       "/proc/kcore", "/proc/keys",
				     "/proc/timer_list", "/proc/scsi",  "/sys/firmware"};
static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"};

static void add_masks(struct box *box)
{
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		strv_add(&box->spec.masked_paths, masked[i]);
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++)
		strv_add(&box->spec.readonly_paths, read_only[i]);
}

static void test_masks(void **state)
{
	struct box *box = *state;
	add_masks(box);
	box_expect(box,
		   "for p in kcore keys timer_list; do test ! -e /proc/$p || stat -c %t:%T /proc/$p; done | sort -u;"
		   "ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v : | tr -d '\\n';"
		   "touch /sys/firmware/x 2>/dev/null; echo $?; echo 0 >/proc/sys/kernel/panic; cat "
		   "/proc/sys/kernel/panic >/dev/null && echo readable",
		   "1:3\n1\nsh: can't create /proc/sys/kernel/panic: Read-only file system\nreadable\n");
}

/* Masks are made of the host's null device, whatever the image says that /dev/null is. */
static void test_masks_are_not_the_images(void **state)
{
	struct box *box = *state;
	box_file(box, "/etc/secret", 0600, "secret\n");
	box_file(box, "/etc/loot", 0644, "loot\n");
	box_link(box, "/dev/null", "/etc/loot");
	for (size_t i = 0; i < box->spec.mounts_count; i++)
		if (strcmp(box->spec.mounts[i].destination, "/dev") == 0)
			box->spec.mounts[i].destination[1] = 'D'; /* the image's own /dev stays */
	strv_add(&box->spec.masked_paths, "/etc/secret");
	box_args(box, OPTIONS("sh", "-c", "stat -c %t:%T /etc/secret; cat /etc/secret; cat /etc/loot"));
	if (box_run(box) < 0) /* a link in the place of a device is no place for one */
		return;
	assert_string_equal(strbuf_text(&box->out), "1:3\nloot\n");
}

static void test_masks_through_links(void **state)
{
	struct box *box = *state;
	box_directory(box, "/etc/real");
	box_file(box, "/etc/real/secret", 0644, "secret\n");
	box_link(box, "/etc/way", "../etc/real");
	box_link(box, "/etc/out", "/../../../../../../../../../../etc/passwd");
	strv_add(&box->spec.masked_paths, "/etc/way/secret");
	strv_add(&box->spec.masked_paths, "/etc/way");
	strv_add(&box->spec.masked_paths, "/etc/out");
	box_expect(box, "cat /etc/real/secret 2>/dev/null; ls /etc/real; test -e /etc/out; echo $?", "1\n");
}

static void assert_empty(const char *path)
{
	DIR *directory = opendir(path);
	must(directory != NULL, path);
	for (struct dirent *entry; (entry = readdir(directory));)
		assert_int_equal(*entry->d_name, '.');
	closedir(directory);
}

static void test_mounts_stay_in_the_root(void **state)
{
	struct box *box = *state;
	auto_free char *source = xasprintf("%s/source", box->dir);
	auto_free char *outside = xasprintf("%s/outside", box->dir);
	auto_free char *file = xasprintf("%s/data", source);
	must(mkdir(source, 0755) == 0 && mkdir(outside, 0755) == 0, "mkdir");
	must(file_write_at(AT_FDCWD, file, "data\n", 5, 0644, 0, NULL) == 0, file);
	box_link(box, "/etc/up", "../../outside");
	box_link(box, "/etc/absolute", outside);
	box_link(box, "/etc/dangling", "/var/nowhere/at/all");
	spec_add_mount(&box->spec, "/etc/up/a", "bind", source, OPTIONS("rbind", "ro"));
	spec_add_mount(&box->spec, "/etc/absolute/b", "bind", source, OPTIONS("rbind"));
	spec_add_mount(&box->spec, "/etc/dangling", "bind", source, OPTIONS("rbind"));
	spec_add_mount(&box->spec, "/../../../../outside/c", "bind", file, OPTIONS("bind"));
	auto_free char *script =
	    xasprintf("cat /outside/a/data %s/b/data /var/nowhere/at/all/data /outside/c; touch /outside/a/x", outside);
	box_expect(box, script, "data\ndata\ndata\ndata\ntouch: /outside/a/x: Read-only file system\n");
	assert_empty(outside);
}

/* Somebody who can write the root swaps a directory of the way for a link that leads out, all the time. The targets are
 * not there and have to be made: outside they must not be. */
static void test_swapped_links(void **state)
{
	struct box *box = *state;
	auto_free char *outside = xasprintf("%s/outside", box->dir);
	auto_free char *way = xasprintf("%s/way", box->root);
	auto_free char *trap = xasprintf("%s/trap", box->root);
	auto_free char *source = xasprintf("%s/etc/source", box->root);
	must(mkdir(outside, 0755) == 0 && mkdir(way, 0755) == 0 && symlink("../../../../../../../outside", trap) == 0,
	     "prepare");
	box_file(box, "/etc/source", 0644, "data\n");
	pid_t swapper = fork();
	if (swapper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			syscall(SYS_renameat2, AT_FDCWD, way, AT_FDCWD, trap, 2 /* RENAME_EXCHANGE */);
	}
	spec_add_mount(&box->spec, "/way/target/below", "tmpfs", "tmpfs", OPTIONS("mode=755"));
	spec_add_mount(&box->spec, "/way/file", "bind", source, OPTIONS("bind"));
	box_args(box, OPTIONS("true"));
	/* Where it was renamed too often in between it was given up, which is right as well; but not always. */
	int started = 0;
	for (int i = 0; i < 60; i++)
		started += box_run(box) == 0;
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	assert_true(started > 0);
	assert_empty(outside);
}

static void test_proc_is_not_mounted_on(void **state)
{
	struct box *box = *state;
	size_t count = box->spec.mounts_count;
	static const char *const targets[] = {"/proc/self/attr", "/proc/sys", "/way/sys"};
	box_link(box, "/way", "/proc");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		spec_add_mount(&box->spec, targets[i], "tmpfs", "tmpfs", NULL);
		box_args(box, OPTIONS("true"));
		box_expect_failure(box, "is inside /proc", 125);
		free(box->spec.mounts[count].destination);
		free(box->spec.mounts[count].type);
		free(box->spec.mounts[count].source);
		strv_free(&box->spec.mounts[count].options);
		box->spec.mounts_count = count;
	}
	box_file(box, "/etc/uptime", 0644, "1.00 1.00\n");
	auto_free char *source = xasprintf("%s/etc/uptime", box->root);
	spec_add_mount(&box->spec, "/proc/uptime", "bind", source, OPTIONS("bind", "ro"));
	box_expect(box, "cat /proc/uptime", "1.00 1.00\n");
}

/* CVE-2024-21626: a directory of the host, left open, as the working directory. */
static void test_working_directory_through_a_descriptor(void **state)
{
	struct box *box = *state;
	int leaked = open("/", O_RDONLY | O_DIRECTORY);
	box_args(box, OPTIONS("true"));
	for (int fd = 3; fd <= leaked + 12; fd++) {
		free(box->spec.process.cwd);
		box->spec.process.cwd = xasprintf("/proc/self/fd/%d", fd);
		assert_true(box_run(box) < 0);
		assert_non_null(strstr(box->err.text, "chdir to"));
	}
	auto_free char *inside = xasprintf("/proc/self/fd/%d", leaked);
	box_link(box, "/way", inside);
	free(box->spec.process.cwd);
	box->spec.process.cwd = xstrdup("/way");
	assert_true(box_run(box) < 0);
	close(leaked);
}

/* CVE-2019-5736: the image's program is our own executable, which then could be written through /proc/PID/exe. Ours is
 * the test program, which in this user namespace belongs to root. */
static void check_own_executable(struct box *box)
{
	/* What the link leads to is not us but coracle-init in a sealed memfd, which has nothing to do and says so. */
	if (box_run(box) < 0)
		fail_msg("%s", box->err.text);
	assert_int_equal(box->status, 127);
	assert_string_equal(strbuf_text(&box->out), "");
}

static void test_own_executable(void **state)
{
	struct box *box = *state;
	auto_close int self = program_open_self();
	assert_true(program_is_exposed(self));
	box_file(box, "/bin/script", 0755, "#!/proc/self/exe\n");
	box_args(box, OPTIONS("/bin/script"));
	check_own_executable(box);
	box_link(box, "/bin/link", "/proc/self/exe");
	box_args(box, OPTIONS("/bin/link"));
	check_own_executable(box);
	box_args(box, OPTIONS("/proc/self/exe"));
	check_own_executable(box);
	/* And programs do run by way of the memfd, or say why not. */
	box_file(box, "/bin/garbage", 0755, "\x7f\x01garbage");
	box_args(box, OPTIONS("garbage"));
	box_expect_failure(box, "exec /bin/garbage: exec format error", 126);
	box_expect(box, "readlink /proc/$$/exe", "/bin/busybox\n");
}

/* The very file that would be overwritten, seen from a program that is executed in its place. */
static void test_what_is_executed_cannot_be_written(void **state)
{
	struct box *box = *state;
	box_args(box, OPTIONS("sh", "-c",
			      "for p in /proc/[0-9]*; do case $(readlink $p/exe) in /bin/busybox) ;; *) echo $p "
			      "$(readlink $p/exe);; esac; done"));
	assert_int_equal(box_run(box), 0);
	assert_string_equal(strbuf_text(&box->out), "");
}

static void test_the_old_root_is_gone(void **state)
{
	struct box *box = *state;
	/* All that is allowed to root in the namespace: mounting, chroot, and no filter. */
	uint64_t all = (1ULL << (CAP_LAST_CAP + 1)) - 1;
	box->spec.process.capabilities = (struct spec_capabilities){true, all, all, 0, all, 0};
	auto_free char *script = xasprintf("test -e %s; echo $?; umount / 2>/dev/null; umount -l / 2>/dev/null; test "
					   "-e %s; echo $?; grep -c %s /proc/self/mountinfo",
					   box->dir, box->dir, box->dir);
	box_args(box, OPTIONS("sh", "-c", script));
	assert_int_equal(box_run(box), 0);
	assert_true(text_starts_with(strbuf_text(&box->out), "1\n1\n"));
}

/* What is locked in a user namespace (nosuid, nodev, noexec, ro) stays, and does not stop a read-only bind mount. */
static void test_locked_flags(void **state)
{
	struct box *box = *state;
	auto_free char *source = xasprintf("%s/locked", box->dir);
	must(mkdir(source, 0755) == 0, source);
	must(mount("tmpfs", source, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, NULL) == 0, "mount");
	/* Another user namespace below ours, in which they are locked. */
	pid_t pid = fork();
	if (pid == 0) {
		become_single_root();
		spec_add_mount(&box->spec, "/etc/ro", "bind", source, OPTIONS("rbind", "ro"));
		spec_add_mount(&box->spec, "/etc/rw", "bind", source, OPTIONS("rbind", "rw", "exec", "suid"));
		box_args(box, OPTIONS("sh", "-c",
				      "touch /etc/ro/x 2>/dev/null; echo $?; touch /etc/rw/x; echo $?; grep -cE ' "
				      "/etc/r. .*nosuid,nodev,noexec,noatime' /proc/self/mountinfo"));
		bool ok = box_run(box) == 0 && strcmp(strbuf_text(&box->out), "1\n0\n2\n") == 0;
		if (!ok)
			fprintf(stderr, "%s\n%s\n", box->err.text, strbuf_text(&box->out));
		_exit(!ok);
	}
	int status;
	must(process_wait(pid, &status) == 0, "wait");
	assert_int_equal(status, 0);
	umount2(source, MNT_DETACH);
}

/* Goes on as a copy of this program that is ours to write, as one that is installed in somebody's home. */
static void be_exposed(char **argv)
{
	struct stat st;
	must(stat("/proc/self/exe", &st) == 0, "stat");
	if (st.st_uid == getuid() && st.st_gid == getgid())
		return;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int copy = memfd_create("copy", MFD_CLOEXEC);
	must(self >= 0 && copy >= 0 && sendfile(copy, self, NULL, (size_t)st.st_size) == st.st_size, "copy ourselves");
	execveat(copy, "", argv, environ, AT_EMPTY_PATH);
	must(false, "execute the copy");
}

int main(int argc, char **argv)
{
	(void)argc;
	be_exposed(argv);
	become_single_root();
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_masks),
	    TEST(test_masks_are_not_the_images),
	    TEST(test_masks_through_links),
	    TEST(test_mounts_stay_in_the_root),
	    TEST(test_swapped_links),
	    TEST(test_proc_is_not_mounted_on),
	    TEST(test_working_directory_through_a_descriptor),
	    TEST(test_own_executable),
	    TEST(test_what_is_executed_cannot_be_written),
	    TEST(test_the_old_root_is_gone),
	    TEST(test_locked_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
