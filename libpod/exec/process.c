/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process: who runs what, where and with which rights. Names of users are those that the container has now, not the image's: files of a running container, which is
 * hostile, so that they are opened in its own root and never waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/exec/exec_internal.h"
#include "libpod/plan/plan.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"
#include "pkg/terminal/terminal.h"

#define ACCOUNT_FILE_MAX (4 << 20)

static int read_regular_file(int root, const char *path, char **ret)
{
	struct stat st;
	auto_close int fd = open_in_root(root, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fd < 0 ? fd : -EINVAL;
	return file_read_fd(fd, path, ACCOUNT_FILE_MAX, ret, NULL, NULL);
}

/* A FUSE root file system shows itself only to who is in the container's user namespace: a child process goes there. NULL when it finds nothing. */
static char *read_inside(int root, pid_t pid, const char *path)
{
	char *text = NULL;
	int ends[2], status;
	auto_free char *mounts_path = xasprintf("/proc/%d/ns/mnt", pid);
	auto_close int mounts = open(mounts_path, O_RDONLY | O_CLOEXEC);
	auto_close int user = mounts < 0 ? -1 : userns_owner(mounts);
	if (user < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	auto_close int from_child = ends[0], to_parent = ends[1];
	pid_t child = process_clone(0, NULL);
	if (child == 0)
		_exit(userns_join(user, true, NULL) < 0 || read_regular_file(root, path, &text) < 0 || write_all(to_parent, text, strlen(text)) < 0);
	close(TAKE_FD(to_parent));
	if (child > 0 && (file_read_fd(from_child, path, ACCOUNT_FILE_MAX, &text, NULL, NULL) < 0))
		text = NULL;
	if (child > 0)
		process_wait(child, &status);
	return text;
}

/* "" when there is none. */
static char *read_account_file(int root, pid_t pid, const char *path)
{
	char *text = NULL;
	int r = read_regular_file(root, path, &text);
	if (r == -EACCES)
		text = read_inside(root, pid, path);
	return text ? text : xstrdup("");
}

/* The root directory of the process behind `pidfd`: by its number, and then it is made sure that the number was still its own. */
static int open_root(int pidfd, struct error *err)
{
	pid_t pid = pidfd_pid(pidfd);
	auto_free char *path = xasprintf("/proc/%d/root", pid);
	auto_close int root = pid < 0 ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int errnum = pid < 0 ? -pid : errno;
	if (pidfd_signal(pidfd, 0) < 0)
		return error_set(err, ESRCH, "the container has just ended");
	return root < 0 ? error_sys(err, errnum, "open the container's root directory") : TAKE_FD(root);
}

static bool is_mapped(const struct spec_id_mapping *mappings, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= mappings[i].container_id && id - mappings[i].container_id < mappings[i].size)
			return true;
	return false;
}

static int set_user(const char *user, int pidfd, struct spec *spec, struct error *err)
{
	auto_close int root = open_root(pidfd, err);
	if (root < 0)
		return root;
	pid_t pid = pidfd_pid(pidfd);
	auto_free char *passwd = read_account_file(root, pid, "etc/passwd");
	auto_free char *group = read_account_file(root, pid, "etc/group");
	struct user_identity identity;
	int r = plan_user(user, passwd, group, NULL, &identity, err);
	if (r < 0)
		return r;
	struct spec_process *process = &spec->process;
	process->uid = identity.uid;
	process->gid = identity.gid;
	free(process->additional_gids);
	process->additional_gids = identity.groups;
	process->additional_gids_count = identity.groups_count;
	auto_free char *home = xasprintf("HOME=%s", identity.home);
	strv_env_set(&process->env, home);
	free(identity.home);
	if (!exec_has_one_id(spec) && (!is_mapped(spec->uid_mappings, spec->uid_mappings_count, identity.uid) ||
				       !is_mapped(spec->gid_mappings, spec->gid_mappings_count, identity.gid)))
		return error_set(err, EINVAL, "user %u:%u is beyond the ids that the container has (see `coracle info`)", identity.uid,
				 identity.gid);
	return 0;
}

static int set_environment(const struct exec_options *options, struct strv *env, struct error *err)
{
	for (size_t i = 0; i < options->env_files.count; i++) {
		int r = plan_env_file(options->env_files.items[i], env, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < options->env.count; i++) {
		if (options->env.items[i][0] == '=' || !options->env.items[i][0])
			return error_set(err, EINVAL, "--env \"%s\" is not KEY=value", options->env.items[i]);
		plan_env(options->env.items[i], env);
	}
	if (options->terminal && !strv_env_get(env, "TERM"))
		strv_add(env, "TERM=xterm");
	return 0;
}

static void set_terminal(const struct exec_options *options, struct spec_process *process)
{
	struct winsize size;
	process->terminal = options->terminal;
	process->rows = process->columns = 0;
	if (options->terminal && !options->detach && terminal_get_size(STDIN_FILENO, &size) >= 0) {
		process->rows = size.ws_row;
		process->columns = size.ws_col;
	}
}

int exec_process(const struct container *container, const struct exec_options *options, const struct strv *arguments, int pidfd,
		 struct spec *spec, struct error *err)
{
	struct spec_process *process = &spec->process;
	strv_clear(&process->args);
	strv_add_all(&process->args, arguments);
	int r;
	if (options->user && (r = set_user(options->user, pidfd, spec, err)) < 0)
		return r;
	if ((r = set_environment(options, &process->env, err)) < 0)
		return r;
	set_terminal(options, process);
	if (options->workdir) {
		if (*options->workdir != '/')
			return error_set(err, EINVAL, "--workdir %s: not an absolute path", options->workdir);
		free(process->cwd);
		process->cwd = xstrdup(options->workdir);
	}
	static const struct strv none = STRV_INIT;
	if (options->privileged)
		return plan_capabilities(process->uid, true, &none, &none, &process->capabilities, err);
	return plan_capabilities(process->uid, container->privileged, &container->cap_add, &container->cap_drop, &process->capabilities, err);
}
