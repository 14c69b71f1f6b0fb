/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is like from inside, and what happens when it cannot be started. */
#include <limits.h>

#include "libpod/runtime/testing.h"

static void test_runs_and_reports_the_exit_code(void **state)
{
	struct box *box = *state;
	box_expect(box, "echo hello; exit 7", "hello\n");
	assert_int_equal(box->status, 7);
}

static void test_namespaces_are_new(void **state)
{
	struct box *box = *state;
	box->spec.hostname = xstrdup("inside");
	box->spec.domainname = xstrdup("example");
	box_expect(box,
		   "echo $$; hostname; cat /proc/sys/kernel/domainname; ls /sys/class/net; grep -c . /proc/net/dev",
		   "1\ninside\nexample\nlo\n3\n");
}

static void test_dev(void **state)
{
	struct box *box = *state;
	box_expect(box,
		   "ls /dev | tr '\\n' ' '; echo; for d in null zero full random urandom tty; do stat -c '%n %t:%T %F' "
		   "/dev/$d; done;"
		   "for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; echo x >/dev/null; dd "
		   "if=/dev/zero bs=4 count=1 2>/dev/null | wc -c",
		   "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero \n"
		   "/dev/null 1:3 character special file\n/dev/zero 1:5 character special file\n/dev/full 1:7 "
		   "character special file\n"
		   "/dev/random 1:8 character special file\n/dev/urandom 1:9 character special file\n/dev/tty 5:0 "
		   "character special file\n"
		   "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n4\n");
}

static void test_mount_flags(void **state)
{
	struct box *box = *state;
	box_expect(box,
		   "while read a b c d e f g; do case $e in /proc|/sys|/dev|/dev/shm|/dev/pts) echo $e ${f%%time*};; "
		   "esac; done </proc/self/mountinfo | sort",
		   "/dev rw,nosuid,noexec\n/dev/pts rw,nosuid,noexec,rela\n/dev/shm rw,nosuid,nodev,noexec,rela\n/proc "
		   "rw,nosuid,nodev,noexec,rela\n"
		   "/sys ro,nosuid,nodev,noexec,rela\n");
}

static void test_root_is_the_image_and_nothing_else(void **state)
{
	struct box *box = *state;
	box_expect(box,
		   "ls / | tr '\\n' ' '; ls / -di | cut -d' ' -f1 >/tmp/a; cd /proc/1/root/../../..; pwd -P; awk "
		   "'{print $5}' /proc/self/mountinfo | grep -vE "
		   "'^/(dev|proc|sys)'",
		   "bin dev etc proc sys tmp /\n/\n");
}

static void test_identity(void **state)
{
	struct box *box = *state;
	box->spec.process.umask = 0027;
	strv_add(&box->spec.process.env, "COLOR=blue");
	box_expect(box,
		   "id -u; id -g; umask; echo $COLOR $HOME; grep -E "
		   "'^(CapBnd|CapEff|CapPrm|CapInh|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status",
		   "0\n0\n0027\nblue "
		   "/\nCapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:"
		   "\t00000000a80425fb\n"
		   "CapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n");
}

static void test_home_comes_from_passwd(void **state)
{
	struct box *box = *state;
	box_file(box, "/etc/passwd", 0644, "other:x:1:1::/no:/bin/sh\nbroken\nroot:x:0:0:root:/root:/bin/sh\n");
	box_expect(box, "echo $HOME", "/root\n");
}

static void test_no_capabilities_and_no_new_privileges(void **state)
{
	struct box *box = *state;
	box->spec.process.capabilities = (struct spec_capabilities){.present = true};
	box->spec.process.no_new_privileges = true;
	box_expect(box, "grep -E '^(CapBnd|CapEff|NoNewPrivs):' /proc/self/status",
		   "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n");
}

static void test_limits(void **state)
{
	struct box *box = *state;
	spec_add_rlimit(&box->spec, RLIMIT_NOFILE, 100, 200);
	spec_add_rlimit(&box->spec, RLIMIT_CORE, 0, 0);
	box_expect(box, "ulimit -Sn; ulimit -Hn; ulimit -c", "100\n200\n0\n");
	/* Our own hard limit is as far as it goes. */
	struct rlimit lower = {50, 50};
	must(setrlimit(RLIMIT_MSGQUEUE, &lower) == 0, "setrlimit");
	spec_add_rlimit(&box->spec, RLIMIT_MSGQUEUE, 60, 60);
	box_expect_failure(box, "set RLIMIT_MSGQUEUE to 60:60: Operation not permitted; the hard limit here is 50",
			   125);
}

static void test_working_directory(void **state)
{
	struct box *box = *state;
	free(box->spec.process.cwd);
	box->spec.process.cwd = xstrdup("/made/on/the/way");
	box_expect(box, "pwd", "/made/on/the/way\n");
	box_link(box, "/link", "/tmp");
	free(box->spec.process.cwd);
	box->spec.process.cwd = xstrdup("/link");
	box_expect(box, "/bin/pwd -P", "/tmp\n");
	free(box->spec.process.cwd);
	box->spec.process.cwd = xstrdup("/bin/busybox");
	box_expect_failure(box, "chdir to \"/bin/busybox\": Not a directory", 126);
}

static void test_oom_score(void **state)
{
	struct box *box = *state;
	box->spec.process.has_oom_score_adj = true;
	box->spec.process.oom_score_adj = 321;
	box_expect(box, "cat /proc/self/oom_score_adj", "321\n");
	/* Less than we have is not ours to give. */
	box->spec.process.oom_score_adj = -999;
	box_expect(box,
		   "test $(cat /proc/self/oom_score_adj) -ge 0 || test $(cat /proc/self/oom_score_adj) = -999; echo $?",
		   "0\n");
}

static void test_sysctls(void **state)
{
	struct box *box = *state;
	strv_add(&box->spec.sysctl, "net.ipv4.ip_forward=1");
	strv_add(&box->spec.sysctl, "net/ipv4/conf/lo/forwarding=1");
	strv_add(&box->spec.readonly_paths, "/proc/sys");
	box_expect(box,
		   "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/lo/forwarding; echo 0 "
		   ">/proc/sys/net/ipv4/ip_forward",
		   "1\n1\nsh: can't create /proc/sys/net/ipv4/ip_forward: Read-only file system\n");
	strv_add(&box->spec.sysctl, "net.no.such.thing=1");
	box_expect_failure(box, "sysctl net.no.such.thing=1: No such file", 125);
}

static void test_time_offsets(void **state)
{
	struct box *box = *state;
	box->spec.namespaces[SPEC_NS_TIME].present = true;
	box->spec.time_offset_boottime_s = 100000000;
	box_expect(box, "sed 's/\\..*//' /proc/uptime >/tmp/up; test $(cat /tmp/up) -ge 100000000; echo $?", "0\n");
}

static void test_shared_network_shows_the_hosts_sys(void **state)
{
	struct box *box = *state;
	box->spec.namespaces[SPEC_NS_NETWORK].present = false;
	box_expect(box,
		   "test -d /sys/class/net/lo && grep -m1 ' /sys ' /proc/self/mountinfo | grep -c ' ro,'; mkdir /sys/x",
		   "1\nmkdir: can't create directory '/sys/x': Read-only file system\n");
}

static void test_namespaces_of_another(void **state)
{
	struct box *box = *state;
	struct box other = *box;
	box->spec.hostname = xstrdup("first");
	box_args(box, OPTIONS("sleep", "60"));
	assert_int_equal(box_start(box), 0);
	assert_int_equal(box_started(box), 0);
	static const struct {
		enum spec_namespace type;
		const char *file;
	} shared[] = {{SPEC_NS_PID, "pid"}, {SPEC_NS_UTS, "uts"}, {SPEC_NS_NETWORK, "net"}, {SPEC_NS_IPC, "ipc"}};
	box_spec(&other);
	other.out = STRBUF_INIT;
	other.runtime.spec = &other.spec;
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		other.spec.namespaces[shared[i].type].path = xasprintf("/proc/%d/ns/%s", box->pid, shared[i].file);
	box_expect(&other, "hostname; ps | grep -c 'sleep 6[0]'; test $$ != 1; echo $?", "first\n1\n0\n");
	assert_int_equal(waitpid(other.pid, NULL, WNOHANG), -1); /* it was our own child, and is gone */
	spec_free(&other.spec);
	strbuf_free(&other.out);
	kill(box->pid, SIGKILL);
	box_finish(box);
	assert_int_equal(box->status, 137);
}

static void test_what_cannot_be_executed(void **state)
{
	struct box *box = *state;
	box_file(box, "/bin/text", 0644, "hello");
	box_file(box, "/bin/garbage", 0755, "\x7f\x01garbage");
	box_file(box, "/bin/script", 0755, "#!/no/such/interpreter\n");
	box_args(box, OPTIONS("nope"));
	box_expect_failure(box, "exec: \"nope\": executable file not found in $PATH", 127);
	box_args(box, OPTIONS("/nope"));
	box_expect_failure(box, "exec: \"/nope\": stat /nope: no such file or directory", 127);
	box_args(box, OPTIONS("/bin/text"));
	box_expect_failure(box, "exec: \"/bin/text\": permission denied", 126);
	box_args(box, OPTIONS("text"));
	box_expect_failure(box, "exec: \"text\": permission denied", 126);
	box_args(box, OPTIONS("/tmp"));
	box_expect_failure(box, "exec: \"/tmp\": is a directory", 126);
	box_args(box, OPTIONS("garbage"));
	box_expect_failure(box, "exec /bin/garbage: exec format error", 126);
	box_args(box, OPTIONS("script"));
	box_expect_failure(box, "exec /bin/script: no such file or directory", 127);
	box_args(box, OPTIONS(""));
	box_expect_failure(box, "executable file not found in $PATH", 127);
}

/* build/coracle-init; we are build/libpod/runtime/runtime_test. */
static int open_init(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	must(length > 0, "readlink");
	path[length] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	auto_free char *init = xasprintf("%s/coracle-init", path);
	int fd = open(init, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, init);
	return fd;
}

static void test_init(void **state)
{
	struct box *box = *state;
	box->runtime.init_fd = open_init();
	/* The orphan is reaped by pid 1; the child is another; its exit code is ours. */
	box_expect(box,
		   "test $$ = 1; echo $?; tr '\\0' ' ' </proc/1/cmdline | cut -c1-16; (sleep 0.01 & true); sleep 0.1; "
		   "cat /proc/[0-9]*/stat | grep -c ') Z'; exit 9",
		   "1\ncoracle-init -- \n0\n");
	assert_int_equal(box->status, 9);
	box_args(box, OPTIONS("sh", "-c",
			      "trap 'echo got; exit 3' USR1; echo ready >/tmp/ready; while :; do sleep 0.02; done"));
	assert_int_equal(box_start(box), 0);
	assert_int_equal(box_started(box), 0);
	auto_free char *ready = xasprintf("%s/tmp/ready", box->root);
	for (int i = 0; i < 500 && access(ready, F_OK) < 0; i++)
		usleep(10000);
	kill(box->pid, SIGUSR1);
	box_finish(box);
	assert_string_equal(strbuf_text(&box->out), "got\n");
	assert_int_equal(box->status, 3);
	box_args(box, OPTIONS("sh", "-c", "kill -9 $$"));
	assert_int_equal(box_run(box), 0);
	assert_int_equal(box->status, 137);
	box_args(box, OPTIONS("nope"));
	box_expect_failure(box, "not found in $PATH", 127);
	close(box->runtime.init_fd);
}

static void test_hooks(void **state)
{
	struct box *box = *state;
	auto_free char *script = xasprintf("%s/hook", box->dir);
	auto_free char *log = xasprintf("%s/log", box->dir);
	auto_free char *text = xasprintf("#!/bin/sh\nread state; echo \"$1 $WHO $state\" >>%s\n", log);
	must(file_write_at(AT_FDCWD, script, text, strlen(text), 0755, 0, NULL) == 0, script);
	struct spec_hooks *hooks = &box->spec.hooks[SPEC_HOOK_CREATE_CONTAINER];
	hooks->items = xcalloc(1, sizeof(*hooks->items));
	hooks->count = 1;
	hooks->items[0].path = xstrdup(script);
	strv_add(&hooks->items[0].args, "hook");
	strv_add(&hooks->items[0].args, "first");
	strv_add(&hooks->items[0].env, "WHO=me");
	box_expect(box, "true", "");
	auto_free char *logged = NULL;
	must(file_read_at(AT_FDCWD, log, 4096, &logged, NULL, NULL) == 0, log);
	auto_free char *expected = xasprintf(
	    "first me {\"ociVersion\":\"1.1.0\",\"id\":\"box\",\"status\":\"creating\",\"pid\":1,\"bundle\":\"%s\"}\n",
	    box->dir);
	assert_string_equal(logged, expected);

	free(hooks->items[0].path);
	hooks->items[0].path = xstrdup("/bin/false");
	box_expect_failure(box, "createContainer hook /bin/false: it ended with status 1", 125);
	free(hooks->items[0].path);
	hooks->items[0].path = xstrdup("/bin/sleep");
	free(hooks->items[0].args.items[1]);
	hooks->items[0].args.items[1] = xstrdup("60");
	hooks->items[0].timeout = 1;
	box_expect_failure(box, "it took longer than 1 s", 125);
}

static void test_descriptors(void **state)
{
	struct box *box = *state;
	int leaked = open("/", O_RDONLY | O_DIRECTORY); /* without O_CLOEXEC, by intent */
	int high = fcntl(leaked, F_DUPFD, 500);
	box_expect(box, "for f in /proc/self/fd/*; do test -e $f && echo ${f##*/}; done | tr '\\n' ' '", "0 1 2 ");
	close(high);
	close(leaked);
	int fds[2] = {-1, -1};
	must(pipe2(fds, O_CLOEXEC) == 0, "pipe");
	int from = fcntl(fds[0], F_DUPFD_CLOEXEC, 100), to = fcntl(fds[1], F_DUPFD_CLOEXEC, 100);
	must(dup2(to, 3) == 3, "dup2");
	box->runtime.preserve_fds = 1;
	box_expect(box, "echo kept >&3", "");
	char buffer[16] = "";
	must(read(from, buffer, sizeof(buffer) - 1) == 5, "read");
	assert_string_equal(buffer, "kept\n");
	close(3);
	close(from);
	close(to);
}

static void test_waits_until_told(void **state)
{
	struct box *box = *state;
	int wait[2] = {-1, -1}, ready[2] = {-1, -1};
	must(pipe2(wait, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0, "pipe");
	box->runtime.wait_fd = wait[0];
	box->runtime.ready_fd = ready[1];
	box_args(box, OPTIONS("sh", "-c", "echo ran"));
	assert_int_equal(box_start(box), 0);
	auto_free char *console = xasprintf("%s/dev/null", box->root);
	usleep(50000);
	assert_int_equal(access(console, F_OK), -1); /* nothing has been touched */
	must(write(wait[1], "m", 1) == 1, "write");
	char byte = 0;
	must(read(ready[0], &byte, 1) == 1, "read");
	assert_int_equal(byte, 'r');
	must(write(wait[1], "x", 1) == 1, "write");
	assert_int_equal(box_started(box), 0);
	box_finish(box);
	assert_string_equal(strbuf_text(&box->out), "ran\n");
	/* A maker that dies takes it along. */
	assert_int_equal(box_start(box), 0);
	close(wait[1]);
	assert_true(box_started(box) < 0);
	assert_non_null(strstr(box->err.text, "given up"));
	box_finish(box);
	close(wait[0]);
	close(ready[0]);
	close(ready[1]);
}

static void test_read_only_root(void **state)
{
	struct box *box = *state;
	box->spec.root_readonly = true;
	box_expect(box, "touch /x; touch /dev/shm/y && echo shm", "touch: /x: Read-only file system\nshm\n");
}

int main(void)
{
	become_single_root();
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_runs_and_reports_the_exit_code),
	    TEST(test_namespaces_are_new),
	    TEST(test_dev),
	    TEST(test_mount_flags),
	    TEST(test_root_is_the_image_and_nothing_else),
	    TEST(test_identity),
	    TEST(test_home_comes_from_passwd),
	    TEST(test_no_capabilities_and_no_new_privileges),
	    TEST(test_limits),
	    TEST(test_working_directory),
	    TEST(test_oom_score),
	    TEST(test_sysctls),
	    TEST(test_time_offsets),
	    TEST(test_shared_network_shows_the_hosts_sys),
	    TEST(test_namespaces_of_another),
	    TEST(test_what_cannot_be_executed),
	    TEST(test_init),
	    TEST(test_hooks),
	    TEST(test_descriptors),
	    TEST(test_waits_until_told),
	    TEST(test_read_only_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
