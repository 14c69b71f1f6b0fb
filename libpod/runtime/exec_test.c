/* SPDX-License-Identifier: Apache-2.0 */
/* A further process in a running container. The tests stay outside its user namespace, as its owner: each box gets one
 * from a helper. */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "libpod/runtime/testing.h"
#include "libpod/seccomp/seccomp.h"

struct running {
	struct box *box;
	pid_t helper, first;
	int pidfd;
};

/* Starts `sleep` in a box in a user namespace of its own. */
static int running_setup(void **state)
{
	struct running *running = xcalloc(1, sizeof(*running));
	void *box;
	box_setup(&box);
	running->box = box;
	int ends[2] = {-1, -1};
	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	running->box->spec.hostname = xstrdup("inside");
	box_args(running->box, OPTIONS("sleep", "60"));
	running->helper = fork();
	if (running->helper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become_single_root();
		if (box_start(running->box) < 0 || box_started(running->box) < 0) {
			fprintf(stderr, "%s\n", running->box->err.text);
			_exit(1);
		}
		write_all(ends[1], &running->box->pid, sizeof(pid_t));
		pause();
	}
	close(ends[1]);
	must(read_full(ends[0], &running->first, sizeof(pid_t)) == sizeof(pid_t), "start the box");
	close(ends[0]);
	running->pidfd = pidfd_open_process(running->first);
	must(running->pidfd >= 0, "pidfd");
	*state = running;
	return 0;
}

static int running_teardown(void **state)
{
	struct running *running = *state;
	int status;
	pidfd_signal(running->pidfd, SIGKILL);
	kill(running->helper, SIGKILL);
	process_wait(running->helper, &status);
	close(running->pidfd);
	void *box = running->box;
	box_teardown(&box);
	free(running);
	return 0;
}

static struct runtime_exec exec_of(struct running *running)
{
	return (struct runtime_exec){.pidfd = running->pidfd,
				     .spec = &running->box->spec,
				     .process = &running->box->spec.process,
				     .stdio = {-1, -1, -1},
				     .console_socket = -1,
				     .report_fd = -1,
				     .cgroup_fd = -1};
}

/* Executes and waits; output and status are in the box. */
static int exec_run(struct running *running, struct runtime_exec *exec)
{
	struct box *box = running->box;
	int output[2] = {-1, -1}, report[2] = {-1, -1};
	must(pipe2(output, O_CLOEXEC) == 0 && pipe2(report, O_CLOEXEC) == 0, "pipe");
	exec->stdio[1] = exec->stdio[2] = output[1];
	exec->report_fd = report[1];
	error_clear(&box->err);
	strbuf_truncate(&box->out, 0);
	int r = runtime_exec(exec, &box->pid, &box->pidfd, &box->err);
	close(output[1]);
	close(report[1]);
	box->output = output[0];
	box->report = report[0];
	if (r < 0) {
		close(output[0]);
		close(report[0]);
		return r;
	}
	r = box_started(box);
	box_finish(box);
	return r;
}

static void expect(struct running *running, struct runtime_exec *exec, const char *script, const char *expected)
{
	box_args(running->box, OPTIONS("sh", "-c", script));
	if (exec_run(running, exec) < 0)
		fail_msg("%s", running->box->err.text);
	assert_string_equal(strbuf_text(&running->box->out), expected);
}

static void test_is_in_all_namespaces(void **state)
{
	struct running *running = *state;
	struct runtime_exec exec = exec_of(running);
	expect(running, &exec,
	       "hostname; id -u; pwd; for n in user mnt pid net ipc uts cgroup; do test $(readlink /proc/1/ns/$n) = "
	       "$(readlink /proc/$$/ns/$n) || echo $n; done; ps | grep -c 'sleep 6[0]'; exit 5",
	       "inside\n0\n/\n1\n");
	assert_int_equal(running->box->status, 5);
}

static void test_rights_are_the_processes_own(void **state)
{
	struct running *running = *state;
	struct runtime_exec exec = exec_of(running);
	auto_seccomp_filter struct seccomp_filter filter = {0};
	struct error err = ERROR_INIT;
	if (seccomp_default(-1, DOCKER_CAPABILITIES, &filter, &err) < 0)
		fail_msg("%s", err.text);
	exec.seccomp = &filter;
	expect(running, &exec,
	       "grep -E '^(CapEff|Seccomp):' /proc/self/status; mount -t tmpfs x /tmp 2>&1 | grep -c ermi",
	       "CapEff:\t00000000a80425fb\nSeccomp:\t2\n1\n");
	expect(running, &exec, "for f in /proc/self/fd/*; do test -e $f && echo ${f##*/}; done | tr '\\n' ' '",
	       "0 1 2 ");
}

static void test_failures(void **state)
{
	struct running *running = *state;
	struct box *box = running->box;
	struct runtime_exec exec = exec_of(running);
	box_args(box, OPTIONS("nope"));
	assert_true(exec_run(running, &exec) < 0);
	assert_non_null(strstr(box->err.text, "executable file not found in $PATH"));
	assert_int_equal(box->err.status, 127);
	box_file(box, "/bin/garbage", 0755, "\x7f\x01garbage");
	box_args(box, OPTIONS("garbage"));
	assert_true(exec_run(running, &exec) < 0);
	assert_non_null(strstr(box->err.text, "exec format error"));
	assert_int_equal(box->err.status, 126);
	free(box->spec.process.cwd);
	box->spec.process.cwd = xstrdup("/no/such/directory");
	box_args(box, OPTIONS("true"));
	assert_true(exec_run(running, &exec) < 0);
	assert_int_equal(box->err.status, 127);
	auto_free char *made = xasprintf("%s/no", box->root);
	assert_int_equal(access(made, F_OK), -1);
}

static void test_ended_container(void **state)
{
	struct running *running = *state;
	struct runtime_exec exec = exec_of(running);
	pidfd_signal(running->pidfd, SIGKILL);
	struct timespec moment = {0, 100000000};
	nanosleep(&moment, NULL);
	box_args(running->box, OPTIONS("true"));
	assert_true(exec_run(running, &exec) < 0);
}

/* While it enters, a process of the container looks at everything of it: nothing is to be had. */
static void test_nothing_leaks_while_entering(void **state)
{
	struct running *running = *state;
	struct box *box = running->box;
	struct runtime_exec exec = exec_of(running);
	/* The watcher tries to open the executable and descriptors of every process that is neither itself nor pid 1,
	 * and notes what is no busybox. */
	static const char watcher[] = "i=0; while test ! -e /tmp/stop; do for p in /proc/[0-9]*; do e=$(readlink "
				      "$p/exe) && case $e in /bin/busybox|/memfd*|'') ;; *) echo $e >>/tmp/loot;; esac;"
				      "done; : >/tmp/ready; done";
	int output[2] = {-1, -1}, report[2] = {-1, -1};
	must(pipe2(output, O_CLOEXEC) == 0 && pipe2(report, O_CLOEXEC) == 0, "pipe");
	box_args(box, OPTIONS("sh", "-c", watcher));
	exec.stdio[1] = exec.stdio[2] = output[1];
	exec.report_fd = report[1];
	pid_t watch;
	int watch_fd, status;
	must(runtime_exec(&exec, &watch, &watch_fd, &box->err) == 0, box->err.text);
	close(report[1]);
	close(output[1]);
	must(runtime_read_report(report[0], &box->err) == 0, box->err.text);
	auto_free char *ready = xasprintf("%s/tmp/ready", box->root);
	for (int i = 0; i < 500 && access(ready, F_OK) < 0; i++)
		usleep(10000);
	must(access(ready, F_OK) == 0, "the watcher");
	for (int i = 0; i < 40; i++) {
		box_args(box, OPTIONS("true"));
		assert_int_equal(exec_run(running, &exec), 0);
	}
	box_file(box, "/tmp/stop", 0644, "");
	process_wait(watch, &status);
	close(watch_fd);
	close(report[0]);
	close(output[0]);
	auto_free char *loot = xasprintf("%s/tmp/loot", box->root);
	assert_int_equal(access(loot, F_OK), -1);
}

static int receive_descriptor(int socket)
{
	char data[64];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec vector = {data, sizeof(data)};
	struct msghdr message = {
	    .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int fd = -1;
	must(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) > 0, "recvmsg");
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	must(header && header->cmsg_type == SCM_RIGHTS, "no descriptor");
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static void test_terminal(void **state)
{
	struct running *running = *state;
	struct box *box = running->box;
	struct runtime_exec exec = exec_of(running);
	int sockets[2] = {-1, -1};
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0, "socketpair");
	box->spec.process.terminal = true;
	box->spec.process.rows = 33;
	box->spec.process.columns = 77;
	exec.console_socket = sockets[1];
	box_args(box, OPTIONS("sh", "-c", "tty; read line; echo got $line; echo x >/dev/tty"));
	int report[2] = {-1, -1};
	must(pipe2(report, O_CLOEXEC) == 0, "pipe");
	exec.report_fd = report[1];
	pid_t pid;
	int pidfd, status;
	must(runtime_exec(&exec, &pid, &pidfd, &box->err) == 0, box->err.text);
	close(report[1]);
	must(runtime_read_report(report[0], &box->err) == 0, box->err.text);
	int master = receive_descriptor(sockets[0]);
	struct winsize size;
	must(ioctl(master, TIOCGWINSZ, &size) == 0, "TIOCGWINSZ");
	assert_int_equal(size.ws_row, 33);
	assert_int_equal(size.ws_col, 77);
	must(write(master, "word\n", 5) == 5, "write");
	char buffer[512];
	for (ssize_t n; (n = read(master, buffer, sizeof(buffer))) > 0;)
		strbuf_add(&box->out, buffer, (size_t)n);
	process_wait(pid, &status);
	assert_int_equal(status, 0);
	assert_non_null(strstr(strbuf_text(&box->out), "/dev/pts/0\r\n"));
	assert_non_null(strstr(strbuf_text(&box->out), "got word\r\nx\r\n"));
	close(master);
	close(pidfd);
	close(report[0]);
	close(sockets[0]);
	close(sockets[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, running_setup, running_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_is_in_all_namespaces), TEST(test_rights_are_the_processes_own), TEST(test_failures),
	    TEST(test_ended_container),      TEST(test_nothing_leaks_while_entering), TEST(test_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
