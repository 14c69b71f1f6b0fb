/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 *	runtime ──clone(user)──► helper ──runtime_spawn──► first process
 *	   └── maps its ids          └── root there; stays until the first process needs nobody any more
 *	                                 (its death would be the first process's)
 */
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/oci/internal.h"
#include "libpod/runtime/runtime.h"
#include "libpod/seccomp/seccomp.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

struct answer {
	pid_t pid;
	struct error err;
};

static int copy_mappings(const struct spec_id_mapping *from, size_t count, struct id_map *to, struct error *err)
{
	if (count == 0 || count > ID_RANGES_MAX)
		return error_set(err, EINVAL, "linux.uidMappings, gidMappings: between 1 and %d ranges are needed",
				 ID_RANGES_MAX);
	for (size_t i = 0; i < count; i++)
		to->ranges[i] = (struct id_range){from[i].container_id, from[i].host_id, from[i].size};
	to->count = count;
	return 0;
}

static int make_mapping(const struct spec *spec, int cache_fd, struct id_mapping *ret, struct error *err)
{
	/* Who says nothing, as crun's `spec --rootless`, gets what this user has. */
	if (spec->uid_mappings_count == 0 && spec->gid_mappings_count == 0)
		return id_mapping_default(cache_fd, false, ret, err);
	*ret = (struct id_mapping){0};
	int r;
	if ((r = copy_mappings(spec->uid_mappings, spec->uid_mappings_count, &ret->uids, err)) < 0 ||
	    (r = copy_mappings(spec->gid_mappings, spec->gid_mappings_count, &ret->gids, err)) < 0)
		return r;
	ret->single = ret->uids.count == 1 && ret->uids.ranges[0].count == 1;
	/* Everybody may map himself; root of a namespace whatever he has in it. */
	bool own = ret->single && ret->gids.count == 1 && ret->gids.ranges[0].count == 1 &&
		   ret->uids.ranges[0].outside == geteuid() && ret->gids.ranges[0].outside == getegid();
	ret->direct = own || geteuid() == 0;
	return 0;
}

static int enter_user_namespace(const struct spec *spec, struct error *err)
{
	const struct spec_namespace_entry *entry = &spec->namespaces[SPEC_NS_USER];
	if (!entry->present)
		return 0;
	if (!entry->path)
		return userns_become_root(false, err);
	auto_close int fd = open(entry->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open user namespace %s", entry->path);
	return userns_join(fd, false, err);
}

static int spawn(const struct oci_birth *birth, pid_t *ret_pid, struct error *err)
{
	int pidfd;
	int r = enter_user_namespace(birth->spec, err);
	if (r < 0)
		return r;
	const struct runtime runtime = {
	    .spec = birth->spec,
	    .seccomp = birth->seccomp,
	    .stdio = {0, 1, 2},
	    .console_socket = birth->console_socket,
	    .fuse_socket = -1,
	    .network_socket = -1,
	    .init_fd = -1,
	    .shm_namespace_fd = -1,
	    .cgroup_fd = -1,
	    .wait_fd = birth->wait_fd,
	    .ready_fd = birth->ready_fd,
	    .report_fd = birth->report_fd,
	    .preserve_fds = (unsigned int)birth->preserve_fds,
	    .id = birth->id,
	    .bundle = birth->bundle,
	};
	return runtime_spawn(&runtime, ret_pid, &pidfd, err);
}

static _Noreturn void help(const struct oci_birth *birth, int channel)
{
	struct answer answer = {.err = ERROR_INIT};
	char byte;
	/* 'm': our ids are mapped. */
	if (read_full(channel, &byte, 1) != 1)
		_exit(1);
	if (spawn(birth, &answer.pid, &answer.err) < 0)
		answer.pid = -1;
	/* The first process has what it needs; its ends of the channels are to be its alone. */
	close_fds_except(3, &channel, 1);
	if (write_all(channel, &answer, sizeof(answer)) < 0)
		_exit(1);
	/* The end of the file is the word to go. */
	(void)read_full(channel, &byte, 1);
	_exit(0);
}

void oci_helper_end(struct oci_helper *helper)
{
	int status;
	if (helper->hold < 0)
		return;
	close(TAKE_FD(helper->hold));
	process_wait(helper->pid, &status);
}

/* Maps the helper's ids, tells it to go on, and hears which process it has made. */
static int converse(const struct oci_helper *helper, const struct id_mapping *mapping, bool map, pid_t *ret_pid,
		    struct error *err)
{
	struct answer answer;
	int r = map ? userns_map(helper->pid, mapping, err) : 0;
	if (r < 0)
		return r;
	if (write_all(helper->hold, "m", 1) < 0 ||
	    read_full(helper->hold, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		return error_set(err, ECHILD, "the process that makes the container was killed");
	if (answer.pid <= 0) {
		if (err)
			*err = answer.err;
		return answer.err.errnum ? -answer.err.errnum : -EIO;
	}
	*ret_pid = answer.pid;
	return 0;
}

int oci_birth(const struct oci_birth *birth, struct oci_helper *ret_helper, pid_t *ret_pid, struct error *err)
{
	const struct spec_namespace_entry *user = &birth->spec->namespaces[SPEC_NS_USER];
	struct id_mapping mapping = {0};
	bool new_user = user->present && !user->path;
	int ends[2];
	int r = new_user ? make_mapping(birth->spec, birth->cache_fd, &mapping, err) : 0;
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_sys(err, errno, "make a channel");
	auto_close int theirs = ends[1];
	CLEANUP(oci_helper_end) struct oci_helper helper = {.hold = ends[0]};
	helper.pid = process_clone(new_user ? CLONE_NEWUSER : 0, NULL);
	if (helper.pid < 0) {
		close(TAKE_FD(helper.hold));
		return new_user ? userns_explain(-helper.pid, err) : error_sys(err, helper.pid, "make a process");
	}
	if (helper.pid == 0) {
		close(TAKE_FD(helper.hold));
		help(birth, theirs);
	}
	close(TAKE_FD(theirs));
	if ((r = converse(&helper, &mapping, new_user, ret_pid, err)) < 0)
		return r;
	*ret_helper = helper;
	helper.hold = -1;
	return 0;
}
