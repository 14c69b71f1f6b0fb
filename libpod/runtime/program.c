/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which program is executed, and how.
 *
 * A process that has entered a container still runs our executable, and an image can have it executed once more: its
 * program may be a link to /proc/self/exe, or a script whose interpreter that is. From then on a process inside holds
 * our executable by /proc/PID/exe, and where the file belongs to the container's root (one installed in the user's home
 * does) it could be written (CVE-2019-5736). Where the file is none of the container's ids' there is nothing to do.
 * Otherwise the last exec is not ours: we execute coracle-init from a sealed memfd, which executes the program;
 * /proc/self/exe is then the memfd. Before that, nobody inside can look at us: the process is not dumpable
 * (PR_SET_DUMPABLE), and its memory belongs to the user namespace in which coracle was started.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"

#define DEFAULT_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define OVERFLOW_ID   65534
#define INIT_SIZE_MAX (16 << 20)

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* build/coracle-init, laid in by the assembler. */
extern const char coracle_init_start[], coracle_init_end[];
__asm__(".pushsection .rodata.coracle_init, \"a\"\n"
	".globl coracle_init_start, coracle_init_end\n"
	".hidden coracle_init_start, coracle_init_end\n"
	".balign 16\n"
	"coracle_init_start: .incbin \"coracle-init\"\n"
	"coracle_init_end: .byte 0\n"
	".popsection\n");

int program_open_self(void)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool program_is_exposed(int self_fd)
{
	struct stat st;
	/* An owner or group without a name here cannot be the container's; then only the bits for all others count. */
	return self_fd < 0 || fstat(self_fd, &st) < 0 || st.st_uid != OVERFLOW_ID || st.st_gid != OVERFLOW_ID ||
	       (st.st_mode & S_IWOTH);
}

static int make_memfd(struct error *err)
{
	/* Kernels before 6.3 do not know MFD_EXEC, and do not want it. */
	int fd = memfd_create("coracle-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("coracle-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? error_sys(err, errno, "make a file in memory") : fd;
}

static int seal(int fd, struct error *err)
{
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return error_sys(err, errno, "seal a file in memory");
	return 0;
}

static int seal_own_init(struct error *err)
{
	auto_close int fd = make_memfd(err);
	if (fd < 0)
		return fd;
	int r = write_all(fd, coracle_init_start, (size_t)(coracle_init_end - coracle_init_start));
	if (r < 0)
		return error_sys(err, r, "write a file in memory");
	r = seal(fd, err);
	return r < 0 ? r : TAKE_FD(fd);
}

/* From its beginning, wherever the descriptor's offset is: that is shared with others who start containers. */
static int seal_given_init(int init_fd, struct error *err)
{
	off_t at = 0;
	ssize_t n;
	auto_close int fd = make_memfd(err);
	if (fd < 0)
		return fd;
	while ((n = sendfile(fd, init_fd, &at, INIT_SIZE_MAX)) > 0)
		;
	if (n < 0)
		return error_sys(err, errno, "copy coracle-init");
	int r = seal(fd, err);
	return r < 0 ? r : TAKE_FD(fd);
}

/* ---- finding it ---- */

/* 0 when it can be executed. */
static int check_program(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int search(const char *name, const char *directories, char **ret, struct error *err)
{
	auto_strv struct strv list = STRV_INIT;
	bool denied = false;
	strv_split(&list, directories, ':');
	for (size_t i = 0; i < list.count; i++) {
		if (*list.items[i] != '/') /* what lies in the working directory is not meant */
			continue;
		auto_free char *path = xasprintf("%s/%s", list.items[i], name);
		int r = check_program(path);
		if (r == 0) {
			*ret = TAKE_PTR(path);
			return 0;
		}
		denied |= r == -EACCES;
	}
	if (denied)
		return error_set_status(err, EACCES, 126, "exec: \"%s\": permission denied", name);
	return error_set_status(err, ENOENT, 127, "exec: \"%s\": executable file not found in $PATH", name);
}

static int deny(const struct launch_pad *pad, const char *path, struct error *err)
{
	int r = error_set_status(err, EACCES, 126, "exec: \"%s\": permission denied", path);
	denied_explain(pad->spec, pad->process, path, err);
	return r;
}

static int find(const struct launch_pad *pad, char **ret, struct error *err)
{
	const struct spec_process *process = pad->process;
	const char *name = process->args.items[0];
	if (!*name)
		return error_set_status(err, ENOENT, 127, "exec: \"\": executable file not found in $PATH");
	if (!strchr(name, '/')) {
		const char *directories = strv_env_get(&process->env, "PATH");
		return search(name, text_is_empty(directories) ? DEFAULT_PATH : directories, ret, err);
	}
	int r = check_program(name);
	switch (-r) {
	case 0:
		*ret = xstrdup(name);
		return 0;
	case ENOENT:
	case ENOTDIR:
		return error_set_status(err, -r, 127, "exec: \"%s\": stat %s: no such file or directory", name, name);
	case EISDIR:
		return error_set_status(err, EISDIR, 126, "exec: \"%s\": is a directory", name);
	case EACCES:
		return deny(pad, name, err);
	default:
		error_sys(err, r, "exec: \"%s\"", name);
		if (err)
			err->status = 126;
		return r;
	}
}

/* ---- HOME, as the specification's callers expect it to be there ---- */

/* The sixth field of the line of /etc/passwd whose third is the uid; the line is taken apart. */
static char *home_in_line(char *line, uint32_t uid)
{
	char *fields[6];
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&line, ":");
		if (!fields[i])
			return NULL;
	}
	int64_t number;
	if (parse_int64(fields[2], "uid", 0, UINT32_MAX, &number, NULL) < 0 || number != uid || *fields[5] != '/')
		return NULL;
	return fields[5];
}

static void add_home(struct strv *env, uint32_t uid)
{
	auto_free char *passwd = NULL;
	auto_close int fd = open_in_root(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK, 0);
	const char *home = NULL;
	if (fd >= 0 && file_read_fd(fd, "/etc/passwd", 1 << 20, &passwd, NULL, NULL) >= 0) {
		char *rest = passwd;
		for (char *line; !home && (line = strsep(&rest, "\n"));)
			home = home_in_line(line, uid);
	}
	strv_addf(env, "HOME=%s", home ? home : "/");
}

int program_prepare(struct launch_pad *pad, bool exposed, struct error *err)
{
	int r = find(pad, &pad->path, err);
	if (r < 0)
		return r;
	strv_add_all(&pad->env, &pad->process->env);
	if (!strv_env_get(&pad->env, "HOME")) {
		/* Here is the root: the search for files in the container begins there. */
		auto_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (here < 0 || chdir("/") < 0)
			return error_sys(err, errno, "enter the root directory");
		add_home(&pad->env, pad->process->uid);
		if (fchdir(here) < 0)
			return error_sys(err, errno, "enter the working directory");
	}
	if (pad->init_fd >= 0)
		pad->exec_fd = seal_given_init(pad->init_fd, err);
	else if (exposed)
		pad->exec_fd = seal_own_init(err);
	else
		return 0;
	return pad->exec_fd < 0 ? pad->exec_fd : 0;
}

/* ---- executing it ---- */

static int failed(const struct launch_pad *pad, const char *path, int errnum, struct error *err)
{
	switch (errnum) {
	case ENOENT: /* it was there when it was looked for */
		return error_set_status(err, ENOENT, 127,
					"exec %s: no such file or directory; its interpreter is missing", path);
	case EACCES:
		return deny(pad, path, err);
	case ENOEXEC:
		return error_set_status(err, ENOEXEC, 126, "exec %s: exec format error", path);
	default:
		return error_set_status(err, errnum, 126, "exec %s: %s", path, strerror(errnum));
	}
}

/* "coracle-init -- PROGRAM ARGUMENT…" */
static int execute_with_init(const struct launch_pad *pad, char *const *env, struct error *err)
{
	struct strv args = STRV_INIT;
	const char *name = pad->init_name ? pad->init_name : "coracle-init";
	strv_add(&args, name);
	strv_add(&args, "--");
	strv_add_all(&args, &pad->process->args);
	execveat(pad->exec_fd, "", args.items, env, AT_EMPTY_PATH);
	int r = failed(pad, name, errno, err);
	strv_free(&args);
	return r;
}

/* "coracle-init --exec REPORT_FD PATH PROGRAM ARGUMENT…": it closes the descriptor with its own exec. */
static int execute_by_init(const struct launch_pad *pad, char *const *env, struct error *err)
{
	struct strv args = STRV_INIT;
	strv_add(&args, "coracle-init");
	strv_add(&args, "--exec");
	strv_addf(&args, "%d", pad->report_fd);
	strv_add(&args, pad->path);
	strv_add_all(&args, &pad->process->args);
	fcntl(pad->report_fd, F_SETFD, 0);
	execveat(pad->exec_fd, "", args.items, env, AT_EMPTY_PATH);
	int r = failed(pad, "coracle-init", errno, err);
	strv_free(&args);
	return r;
}

int program_execute(const struct launch_pad *pad, struct error *err)
{
	static char *const nothing[] = {NULL};
	char *const *env = pad->env.count ? pad->env.items : nothing;
	if (pad->exec_fd < 0) {
		execve(pad->path, pad->process->args.items, env);
		return failed(pad, pad->path, errno, err);
	}
	/* coracle-init has no words for what is closed, and whose it is. */
	if (faccessat(AT_FDCWD, pad->path, X_OK, AT_EACCESS) < 0 && errno == EACCES)
		return failed(pad, pad->path, EACCES, err);
	return pad->init_fd >= 0 ? execute_with_init(pad, env, err) : execute_by_init(pad, env, err);
}
