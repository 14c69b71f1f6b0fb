/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In every program of a build with sanitizers (configure --enable-asan): writes down what a sanitizer says, in
 * whichever process it says it.
 *
 * Many of our processes have nowhere to say it: a monitor's standard error is /dev/null, and a container's first
 * process has closed all descriptors, and sees another root, another /proc and a seccomp filter. What they all keep is
 * their memory. So every program maps one file when it starts, shared, and what goes to standard error is also put
 * there. test/run looks at it: any text in it is a failure.
 *
 * The file has a size that does not change: the number of bytes that are used, and text.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The sanitizers' own names, which call these when there are any. */
void __sanitizer_on_print(const char *text);
const char *__ubsan_default_options(void);
int __lsan_is_turned_off(void);
void __sanitizer_set_death_callback(void (*callback)(void));

struct reports {
	atomic_size_t used;
	char text[];
};

static struct reports *reports;
static size_t capacity;
static char **arguments;

static void *map(const char *path, size_t *ret_size)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return MAP_FAILED;
	*ret_size = fstat(fd, &st) < 0 ? 0 : (size_t)st.st_size;
	void *mapped = mmap(NULL, *ret_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return mapped;
}

/* The sanitizer's own end tries exit_group(2) for ever where a test's seccomp profile refuses that: a fault is none. */
static void end(void)
{
	syscall(SYS_exit_group, 99);
	__builtin_trap();
}

static __attribute__((constructor)) void map_reports(int argc, char **argv)
{
	size_t size;
	(void)argc;
	arguments = argv;
	reports = map(SANITIZER_REPORTS, &size);
	if (reports == MAP_FAILED) {
		/* Silence would be taken for a clean run. */
		perror(SANITIZER_REPORTS);
		_exit(99);
	}
	capacity = size - sizeof(*reports);
	__sanitizer_set_death_callback(end);
}

static void add(const char *text)
{
	size_t length = strlen(text), at = atomic_fetch_add(&reports->used, length);
	if (at < capacity)
		memcpy(reports->text + at, text, length < capacity - at ? length : capacity - at);
}

/* Before the first text of a process goes a line that says what it was called with. */
void __sanitizer_on_print(const char *text)
{
	static pid_t known;
	/* Said before the constructor has run: of a program that cannot even begin. */
	if (!reports)
		return;
	/* The LeakSanitizer's word for a process that somebody killed while it was being looked at. */
	if (strstr(text, "Unable to get registers from thread"))
		return;
	/* The AddressSanitizer's, at the end of a process under a test's seccomp profile that refuses sigaltstack(2). */
	if (strstr(text, "sigaltstack(nullptr, &signal_stack)"))
		return;
	if (known != getpid()) {
		known = getpid();
		for (char **argument = arguments; *argument; argument++) {
			add(argument == arguments ? "\n" : " ");
			add(*argument);
		}
		add("\n");
	}
	add(text);
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

/* The LeakSanitizer finds a process's threads in /proc, by its number: not where that number is another's, as it is for
 * a monitor, nor where /proc is closed to it by landlock(7), as it is to coracle-network. */
int __lsan_is_turned_off(void)
{
	char number[16] = "";
	int tasks = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tasks < 0)
		return 1;
	close(tasks);
	return readlink("/proc/self", number, sizeof(number) - 1) < 0 || atoi(number) != getpid();
}
