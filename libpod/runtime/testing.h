/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing: a container for the unit tests: busybox in a directory, in a user namespace with one id, so that the tests
 * run as any user.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

#define DOCKER_CAPABILITIES                                                                                            \
	(1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FSETID | 1ULL << CAP_FOWNER | 1ULL << CAP_MKNOD |  \
	 1ULL << CAP_NET_RAW | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID | 1ULL << CAP_SETFCAP | 1ULL << CAP_SETPCAP |   \
	 1ULL << CAP_NET_BIND_SERVICE | 1ULL << CAP_SYS_CHROOT | 1ULL << CAP_KILL | 1ULL << CAP_AUDIT_WRITE)
#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct box {
	char dir[64]; /* holds rootfs/ and whatever else a test makes */
	char *root;
	struct spec spec;
	struct runtime runtime;
	struct error err;  /* of the last run */
	struct strbuf out; /* what it printed, both streams */
	int status;        /* its exit code */
	pid_t pid;
	int pidfd, output, report;
};

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	fail_msg("%s: %s", what, strerror(errno));
	abort(); /* what fail_msg does not say of itself: it does not return */
}

static inline void write_map(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write_all(fd, text, strlen(text)) == 0, file);
	close(fd);
}

/* Becomes root of a user namespace in which there is but one id, in a mount namespace where what the tests mount stays.
 */
static inline void become_single_root(void)
{
	char uids[64], gids[64];
	snprintf(uids, sizeof(uids), "0 %u 1", getuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getgid());
	must(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "unshare");
	write_map("/proc/self/setgroups", "deny");
	write_map("/proc/self/uid_map", uids);
	write_map("/proc/self/gid_map", gids);
}

/* ---- the box ---- */

static inline void box_file(struct box *box, const char *path, mode_t mode, const char *text)
{
	auto_free char *full = xasprintf("%s%s", box->root, path);
	unlink(full);
	int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	must(fd >= 0 && write_all(fd, text, strlen(text)) == 0 && fchmod(fd, mode) == 0, full);
	close(fd);
}

static inline void box_link(struct box *box, const char *path, const char *target)
{
	auto_free char *full = xasprintf("%s%s", box->root, path);
	must(symlink(target, full) == 0, full);
}

static inline void box_directory(struct box *box, const char *path)
{
	auto_free char *full = xasprintf("%s%s", box->root, path);
	must(mkdir(full, 0755) == 0, full);
}

static inline void box_busybox(struct box *box)
{
	static const char *const applets[] = {"sh",       "cat",      "ls",    "id",     "true", "mount", "umount",
					      "stat",     "readlink", "grep",  "echo",   "ps",   "kill",  "sleep",
					      "sed",      "test",     "mkdir", "touch",  "ln",   "mknod", "chown",
					      "hostname", "ulimit",   "pwd",   "tty",    "wc",   "date",  "dd",
					      "rm",       "sort",     "tr",    "mkfifo", "cut",  "awk"};
	auto_free char *data = NULL;
	size_t length;
	must(file_read_at(AT_FDCWD, "/bin/busybox", 16 << 20, &data, &length, NULL) == 0,
	     "/bin/busybox (install busybox-static)");
	auto_free char *path = xasprintf("%s/bin/busybox", box->root);
	must(file_write_at(AT_FDCWD, path, data, length, 0755, 0, NULL) == 0, path);
	for (size_t i = 0; i < ARRAY_SIZE(applets); i++) {
		auto_free char *name = xasprintf("/bin/%s", applets[i]);
		box_link(box, name, "busybox");
	}
}

static inline void box_spec(struct box *box)
{
	static const enum spec_namespace own[] = {SPEC_NS_USER, SPEC_NS_MOUNT, SPEC_NS_PID,   SPEC_NS_NETWORK,
						  SPEC_NS_IPC,  SPEC_NS_UTS,   SPEC_NS_CGROUP};
	struct spec *spec = &box->spec;
	spec_init(spec);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		spec->namespaces[own[i]].present = true;
	spec->root_path = xstrdup(box->root);
	spec->process.present = true;
	spec->process.cwd = xstrdup("/");
	strv_add(&spec->process.env, "PATH=/bin");
	spec->process.capabilities =
	    (struct spec_capabilities){true, DOCKER_CAPABILITIES, DOCKER_CAPABILITIES, 0, DOCKER_CAPABILITIES, 0};
	spec_add_mount(spec, "/proc", "proc", "proc", OPTIONS("nosuid", "noexec", "nodev"));
	spec_add_mount(spec, "/dev", "tmpfs", "tmpfs",
		       OPTIONS("nosuid", "noexec", "strictatime", "mode=755", "size=65536k"));
	spec_add_mount(spec, "/dev/pts", "devpts", "devpts",
		       OPTIONS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"));
	spec_add_mount(spec, "/dev/shm", "tmpfs", "shm",
		       OPTIONS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k"));
	spec_add_mount(spec, "/dev/mqueue", "mqueue", "mqueue", OPTIONS("nosuid", "noexec", "nodev"));
	spec_add_mount(spec, "/sys", "sysfs", "sysfs", OPTIONS("nosuid", "noexec", "nodev", "ro"));
	spec_add_mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup",
		       OPTIONS("nosuid", "noexec", "nodev", "relatime", "ro"));
}

static inline int box_setup(void **state)
{
	struct box *box = xcalloc(1, sizeof(*box));
	strcpy(box->dir, "/tmp/coracle-runtime-test-XXXXXX");
	must(mkdtemp(box->dir) != NULL, "mkdtemp");
	box->root = xasprintf("%s/rootfs", box->dir);
	box_directory(box, "");
	static const char *const directories[] = {"/bin", "/etc", "/tmp", "/proc", "/sys", "/dev"};
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		box_directory(box, directories[i]);
	box_busybox(box);
	box_spec(box);
	box->runtime = (struct runtime){.spec = &box->spec,
					.stdio = {-1, -1, -1},
					.console_socket = -1,
					.fuse_socket = -1,
					.network_socket = -1,
					.init_fd = -1,
					.shm_namespace_fd = -1,
					.cgroup_fd = -1,
					.wait_fd = -1,
					.ready_fd = -1,
					.report_fd = -1,
					.id = "box",
					.bundle = box->dir};
	*state = box;
	return 0;
}

static inline int box_teardown(void **state)
{
	struct box *box = *state;
	tree_remove_at(AT_FDCWD, box->dir, NULL);
	spec_free(&box->spec);
	strbuf_free(&box->out);
	free(box->root);
	free(box);
	return 0;
}

/* Starts it; the output goes into a pipe. 0, or negative with box->err. */
static inline int box_start(struct box *box)
{
	int output[2] = {-1, -1}, report[2] = {-1, -1};
	must(pipe2(output, O_CLOEXEC) == 0 && pipe2(report, O_CLOEXEC) == 0, "pipe");
	box->runtime.stdio[1] = box->runtime.stdio[2] = output[1];
	box->runtime.report_fd = report[1];
	error_clear(&box->err);
	strbuf_truncate(&box->out, 0);
	int r = runtime_spawn(&box->runtime, &box->pid, &box->pidfd, &box->err);
	close(output[1]);
	close(report[1]);
	box->output = output[0];
	box->report = report[0];
	return r;
}

/* Waits until it has executed its program; and then until it has ended. */
static inline int box_started(struct box *box)
{
	int r = runtime_read_report(box->report, &box->err);
	close(box->report);
	return r;
}

static inline void box_finish(struct box *box)
{
	int status;
	char buffer[4096];
	for (ssize_t n; (n = read(box->output, buffer, sizeof(buffer))) > 0;)
		strbuf_add(&box->out, buffer, (size_t)n);
	close(box->output);
	must(process_wait(box->pid, &status) == 0, "wait");
	close(box->pidfd);
	box->status = process_exit_code(status);
}

/* Runs it to its end. 0 when the program was executed. */
static inline int box_run(struct box *box)
{
	int r = box_start(box);
	if (r < 0) {
		close(box->output);
		close(box->report);
		return r;
	}
	r = box_started(box);
	box_finish(box);
	return r;
}

static inline void box_args(struct box *box, const char *const *args)
{
	strv_clear(&box->spec.process.args);
	for (; *args; args++)
		strv_add(&box->spec.process.args, *args);
}

/* Runs a shell script and wants it to have printed exactly `expected`. */
static inline void box_expect(struct box *box, const char *script, const char *expected)
{
	box_args(box, OPTIONS("sh", "-c", script));
	if (box_run(box) < 0)
		fail_msg("%s", box->err.text);
	assert_string_equal(strbuf_text(&box->out), expected);
}

/* Wants the start to fail with these words and this status. */
static inline void box_expect_failure(struct box *box, const char *words, int status)
{
	assert_true(box_run(box) < 0);
	if (!strstr(box->err.text, words))
		fail_msg("'%s' is not in '%s'", words, box->err.text);
	assert_int_equal(box->err.status, status);
}
