/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

static struct spawn shell(const char *const argv[])
{
	return (struct spawn){.argv = argv};
}
#define SHELL(script) shell((const char *const[]){"sh", "-c", (script), NULL})

static size_t count_fds(void)
{
	auto_closedir DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;
	while (readdir(dir))
		count++;
	return count;
}

static void fails_with(const char *script, const char *text)
{
	struct error err = ERROR_INIT;
	struct spawn spawn = SHELL(script);
	assert_true(spawn_run(&spawn, &err) < 0);
	assert_string_equal(err.text, text);
}

static void test_success_and_output(void **state)
{
	(void)state;
	size_t fds = count_fds();
	struct error err = ERROR_INIT;
	auto_strbuf struct strbuf output = STRBUF_INIT;
	struct spawn spawn = SHELL("echo warning >&2; echo out; read x || echo no input");
	spawn.output = &output;
	assert_int_equal(spawn_run(&spawn, &err), 0);
	assert_string_equal(strbuf_text(&output), "out\nno input\n");
	spawn = SHELL("echo to nowhere");
	assert_int_equal(spawn_run(&spawn, &err), 0);
	assert_int_equal(err.errnum, 0);
	assert_int_equal(count_fds(), fds);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_failures_are_told(void **state)
{
	(void)state;
	fails_with("exit 3", "sh exited with status 3");
	fails_with("kill -KILL $$", "sh was killed by SIGKILL");
	fails_with("echo first >&2; echo 'the last  ' >&2; echo >&2; exit 1", "sh: the last");
	fails_with("echo 'sh: told by itself' >&2; exit 1", "sh: told by itself");
	fails_with("printf 'a\\033[31mred\\007' >&2; exit 1", "sh: a [31mred ");
	fails_with("echo; exit 2", "sh exited with status 2");
	/* Far more than is kept, and than a pipe holds. */
	fails_with("yes line | head -n 100000 >&2; echo end >&2; exit 1", "sh: end");
}

static void test_missing_programs(void **state)
{
	(void)state;
	size_t fds = count_fds();
	struct error err = ERROR_INIT;
	struct spawn spawn = shell((const char *const[]){"no-such-program-here", NULL});
	assert_int_equal(spawn_run(&spawn, &err), -ENOENT);
	assert_string_equal(err.text, "the program no-such-program-here is not there");
	spawn = shell((const char *const[]){"/etc", NULL});
	assert_int_equal(spawn_run(&spawn, &err), -ENOENT);

	/* There, but the kernel cannot start it. */
	char path[] = "/tmp/coracle-spawn-XXXXXX";
	int fd = mkstemp(path);
	assert_true(write(fd, "#!/no/interpreter\n", 18) == 18 && fchmod(fd, 0700) == 0);
	close(fd);
	char expected[128];
	spawn = shell((const char *const[]){path, NULL});
	assert_int_equal(spawn_run(&spawn, &err), -ENOENT);
	snprintf(expected, sizeof(expected), "start %s: No such file or directory", strrchr(path, '/') + 1);
	assert_string_equal(err.text, expected);
	unlink(path);
	assert_int_equal(count_fds(), fds);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_environment(void **state)
{
	(void)state;
	auto_strbuf struct strbuf output = STRBUF_INIT;
	struct spawn spawn = SHELL("echo $ONE-$HOME");
	spawn.envp = (const char *const[]){"ONE=1", NULL};
	spawn.output = &output;
	assert_int_equal(spawn_run(&spawn, NULL), 0);
	assert_string_equal(strbuf_text(&output), "1-\n");
}

/* What is kept is there under its number; what is not is not, even if somebody forgot O_CLOEXEC. */
static void test_descriptors(void **state)
{
	(void)state;
	int ends[2];
	char text[8] = "";
	auto_strbuf struct strbuf output = STRBUF_INIT;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(dup3(ends[1], 9, O_CLOEXEC), 9);
	assert_int_equal(dup2(ends[1], 7), 7);
	struct spawn spawn = SHELL("echo hi >&9; ls /proc/self/fd | tr '\\n' ' '");
	spawn.keep = (const int[]){9};
	spawn.keep_count = 1;
	spawn.output = &output;
	assert_int_equal(spawn_run(&spawn, NULL), 0);
	assert_int_equal(read(ends[0], text, sizeof(text)), 3);
	assert_string_equal(text, "hi\n");
	/* 3 is the directory that ls reads. */
	assert_string_equal(strbuf_text(&output), "0 1 2 3 9 ");
	assert_true(fcntl(9, F_GETFD) & FD_CLOEXEC);
	close(7);
	close(9);
	close(ends[0]);
	close(ends[1]);
	spawn.keep = (const int[]){9};
	struct error err = ERROR_INIT;
	assert_int_equal(spawn_run(&spawn, &err), -EBADF);
}

/* Blocked signals and an ignored SIGPIPE are ours, not the program's. */
static void test_signals(void **state)
{
	(void)state;
	auto_strbuf struct strbuf output = STRBUF_INIT;
	sigset_t all, before, after;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* What whoever runs the tests ignores (Python's children ignore SIGXFSZ) is not ours. */
	for (int number = 1; number < 32; number++)
		signal(number, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	struct spawn spawn = shell((const char *const[]){"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL});
	spawn.output = &output;
	assert_int_equal(spawn_run(&spawn, NULL), 0);
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGTERM));
	assert_string_equal(strbuf_text(&output), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

/* A program that leaves something behind with its standard error is not waited for beyond its own end. */
static void test_daemons_do_not_hold_up(void **state)
{
	(void)state;
	auto_strbuf struct strbuf output = STRBUF_INIT;
	struct timespec before, after;
	struct spawn spawn = SHELL("sleep 30 & echo $!");
	spawn.output = &output;
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(spawn_run(&spawn, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 10);
	int pid = atoi(strbuf_text(&output));
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void test_side_by_side(void **state)
{
	(void)state;
	struct spawn_handle one, two;
	struct error err = ERROR_INIT;
	auto_strbuf struct strbuf output = STRBUF_INIT, large = STRBUF_INIT;
	/* Each waits for the other to be there. */
	char path[] = "/tmp/coracle-spawn-XXXXXX", first[128], second[128];
	assert_non_null(mkdtemp(path));
	snprintf(first, sizeof(first), "mkfifo %s/f && read x <%s/f && echo $x", path, path);
	snprintf(second, sizeof(second), "until [ -p %s/f ]; do sleep 0.01; done; echo met >%s/f; echo bad >&2; exit 4",
		 path, path);
	struct spawn spawn = SHELL(first);
	spawn.output = &output;
	assert_int_equal(spawn_begin(&spawn, &one, &err), 0);
	spawn = SHELL(second);
	assert_int_equal(spawn_begin(&spawn, &two, &err), 0);
	assert_int_equal(spawn_finish(&one, &output, &err), 0);
	assert_string_equal(strbuf_text(&output), "met\n");
	assert_true(spawn_finish(&two, NULL, &err) < 0);
	assert_string_equal(err.text, "sh: bad");
	snprintf(first, sizeof(first), "%s/f", path);
	unlink(first);
	rmdir(path);

	spawn = SHELL("yes | head -c 300000");
	spawn.output = &large;
	assert_int_equal(spawn_run(&spawn, NULL), 0);
	assert_int_equal(large.length, 300000);
}

/* Started as `program <&- >&- 2>&-`, the pipes get the numbers that the child's own are to have. */
static void test_without_standard_descriptors(void **state)
{
	(void)state;
	int status;
	pid_t pid = process_clone(0, NULL);
	if (pid == 0) {
		close(0);
		close(1);
		close(2);
		struct error err = ERROR_INIT;
		struct strbuf output = STRBUF_INIT;
		struct spawn spawn = SHELL("echo out; echo error >&2; exit 1");
		spawn.output = &output;
		int r = spawn_run(&spawn, &err);
		bool right = r < 0 && strcmp(err.text, "sh: error") == 0 && strcmp(strbuf_text(&output), "out\n") == 0;
		strbuf_free(&output);
		_exit(right ? 0 : 1);
	}
	assert_int_equal(process_wait(pid, &status), 0);
	assert_int_equal(status, 0);
}

static void test_find_program(void **state)
{
	(void)state;
	char directory[] = "/tmp/coracle-find-XXXXXX", path[64], search[128];
	assert_non_null(mkdtemp(directory));
	auto_free char *saved = xstrdup(getenv("PATH"));
	snprintf(path, sizeof(path), "%s/sh", directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	snprintf(search, sizeof(search), "/nowhere::%s:/bin", directory);
	setenv("PATH", search, 1);
	/* Not executable, so not it. */
	auto_free char *other = find_program("sh");
	assert_string_equal(other, "/bin/sh");
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	auto_free char *own = find_program("sh"), *absolute = find_program("/bin/sh");
	assert_string_equal(own, path);
	assert_string_equal(absolute, "/bin/sh");
	assert_null(find_program("/bin/no-such-program"));
	assert_null(find_program("no-such-program"));
	assert_null(find_program(""));
	/* Where users' PATHs do not lead. */
	setenv("PATH", "/nowhere", 1);
	auto_free char *system = find_program("ldconfig");
	assert_non_null(system);
	unlink(path);
	/* The working directory is not searched. */
	assert_int_equal(chdir("/bin"), 0);
	setenv("PATH", ":", 1);
	assert_null(find_program("ls"));
	setenv("PATH", saved, 1);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_success_and_output),
	    cmocka_unit_test(test_failures_are_told),
	    cmocka_unit_test(test_missing_programs),
	    cmocka_unit_test(test_environment),
	    cmocka_unit_test(test_descriptors),
	    cmocka_unit_test(test_signals),
	    cmocka_unit_test(test_daemons_do_not_hold_up),
	    cmocka_unit_test(test_side_by_side),
	    cmocka_unit_test(test_without_standard_descriptors),
	    cmocka_unit_test(test_find_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
