/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor process, from its clone until it is coracle-monitor.
 *
 * It makes the container's first process at once, so that the kernel makes its namespaces while the ids are being mapped; helps it (fuse-overlayfs,
 * the network) and executes coracle-monitor without waiting for it: the report of the program's execution is read there. The command line that started us may be killed at
 * any moment. Before the ids are mapped we then find the end of the pipe that should have told us, and end, and the first process with us, pid 1 that
 * we are; later we do not need it any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/launch/launch_internal.h"
#include "libpod/monitor/message.h"
#include "libpod/network/network.h"
#include "libpod/runtime/runtime.h"
#include "libpod/secret/secret.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/program/program.h"
#include "rootless/cgroup/cgroup.h"
#include "rootless/userns/userns.h"

/* What the first process is connected by: [0] is its end. */
struct ends {
	int in[2], out[2], err[2], wait[2], report[2], console[2], fuse[2], network[2];
	int init;
};
#define NO_PAIR	  {-1, -1}
#define ENDS_INIT ((struct ends){NO_PAIR, NO_PAIR, NO_PAIR, NO_PAIR, NO_PAIR, NO_PAIR, NO_PAIR, NO_PAIR, -1})

/* The first process' ends; ours stay. */
static void close_theirs(struct ends *ends)
{
	int *theirs[] = {&ends->in[0],	   &ends->out[0],  &ends->err[0],     &ends->wait[0], &ends->report[0],
			 &ends->console[0], &ends->fuse[0], &ends->network[0], &ends->init};
	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++) {
		cleanup_close(theirs[i]);
		*theirs[i] = -1;
	}
}

/* A pipe that the first process reads, or writes. */
static int make_pipe(int pair[2], bool reads, struct error *err)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	pair[0] = fds[reads ? 0 : 1];
	pair[1] = fds[reads ? 1 : 0];
	return 0;
}

static int make_socket(int pair[2], struct error *err)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? error_sys(err, errno, "make a socket") : 0;
}

static int open_null(int flags, struct error *err)
{
	int fd = open("/dev/null", flags | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open /dev/null") : fd;
}

static bool has_private_network(const struct birth *birth)
{
	const char *network = birth->container->network;
	return birth->plan->spec.namespaces[SPEC_NS_NETWORK].present && birth->namespace_fds[SPEC_NS_NETWORK] < 0 && network &&
	       strcmp(network, "none") != 0;
}

static int make_ends(const struct birth *birth, struct ends *ends, struct error *err)
{
	const struct container *container = birth->container;
	int r;
	if ((r = make_pipe(ends->wait, true, err)) < 0 || (r = make_pipe(ends->report, false, err)) < 0)
		return r;
	if (rootfs_servers(&birth->plan->rootfs) > 0 && (r = make_socket(ends->fuse, err)) < 0)
		return r;
	if (has_private_network(birth) && (r = make_socket(ends->network, err)) < 0)
		return r;
	if (container->init) {
		auto_free char *path = NULL;
		if (container->init_path)
			path = xstrdup(container->init_path);
		else if ((r = program_find("coracle-init", &path, err)) < 0)
			return r;
		ends->init = open(path, O_RDONLY | O_CLOEXEC);
		if (ends->init < 0)
			return error_sys(err, errno, "open %s", path);
	}
	if (container->terminal)
		return make_socket(ends->console, err);
	if ((r = make_pipe(ends->out, false, err)) < 0 || (r = make_pipe(ends->err, false, err)) < 0)
		return r;
	if (container->open_stdin)
		return make_pipe(ends->in, true, err);
	ends->in[0] = r = open_null(O_RDONLY, err);
	return r < 0 ? r : 0;
}

struct secrets {
	struct runtime_secret *items;
	size_t count;
};

static void secrets_free(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++) {
		free(secrets->items[i].target);
		close(secrets->items[i].fd);
	}
	free(secrets->items);
}

/* The files; and the variables, which are in the specification only here, in memory. */
static int open_secrets(const struct birth *birth, struct secrets *secrets, struct error *err)
{
	const struct strv *texts = &birth->container->secrets;
	secrets->items = xcalloc(texts->count + 1, sizeof(*secrets->items));
	for (size_t i = 0; i < texts->count; i++) {
		auto_secret_use struct secret_use use = {0};
		int r = secret_use_read(texts->items[i], &use, err);
		if (r < 0)
			return r;
		if (use.env)
			continue;
		int fd = secret_open_copy(birth->store, birth->container, i, err);
		if (fd < 0)
			return fd;
		secrets->items[secrets->count++] = (struct runtime_secret){TAKE_PTR(use.target), use.uid, use.gid, use.mode, fd};
	}
	return secret_add_env(birth->store, birth->container, &birth->plan->spec.process.env, err);
}

/* Its root is who we are, even while we have no name yet; or another id of ours, in a user namespace below. */
static int divisible_cgroup(const struct birth *birth, struct error *err)
{
	const struct plan *plan = birth->plan;
	int64_t uid = plan->nested ? id_map_outside(&plan->inner.uids, 0) : -1;
	int64_t gid = plan->nested ? id_map_outside(&plan->inner.gids, 0) : -1;
	return cgroup_delegate(birth->description->cgroup_fd, (uid_t)uid, (gid_t)gid, err);
}

static int spawn(const struct birth *birth, const struct ends *ends, struct error *err)
{
	CLEANUP(secrets_free) struct secrets secrets = {0};
	int r = open_secrets(birth, &secrets, err);
	if (r < 0)
		return r;
	struct monitor_description *d = birth->description;
	auto_close int delegated = -1;
	if (birth->container->systemd && d->cgroup_fd >= 0 && (r = delegated = divisible_cgroup(birth, err)) < 0)
		return r;
	auto_free char *bundle = xasprintf("%s/containers/%s", birth->store->root, birth->container->id);
	int joined[SPEC_NS_COUNT];
	memcpy(joined, birth->namespace_fds, sizeof(joined));
	joined[SPEC_NS_MOUNT] = -1;
	joined[SPEC_NS_USER] = birth->inner_fd;
	birth->plan->rootfs.at_working_directory = birth->plan->nested && birth->plan->rootfs.driver == DRIVER_FUSE_OVERLAYFS;
	struct runtime runtime = {
	    .spec = &birth->plan->spec,
	    .rootfs = &birth->plan->rootfs,
	    .seccomp = birth->plan->has_seccomp ? &birth->plan->seccomp : NULL,
	    .fake_ownership = birth->plan->mapping.single,
	    .stdio = {ends->in[0], ends->out[0], ends->err[0]},
	    .console_socket = ends->console[0],
	    .fuse_socket = ends->fuse[0],
	    .network_socket = ends->network[0],
	    .init_fd = ends->init,
	    .init_name = birth->container->init_path,
	    .cgroup_fd = delegated >= 0 ? delegated : d->cgroup_fd,
	    .wait_fd = ends->wait[0],
	    .ready_fd = -1,
	    .report_fd = ends->report[0],
	    .namespace_fds = joined,
	    .shm_namespace_fd = birth->namespace_fds[SPEC_NS_MOUNT],
	    .nested = birth->plan->nested,
	    .inner = birth->plan->nested ? &birth->plan->inner : NULL,
	    .shared = birth->sharing->items,
	    .shared_count = birth->sharing->count,
	    .held = birth->sharing->locks,
	    .held_count = birth->sharing->locks_count,
	    .keep_groups = plan_keeps_groups(&birth->container->annotations),
	    .secrets = secrets.items,
	    .secrets_count = secrets.count,
	    .passwd_lines = &birth->container->passwd_lines,
	    .group_lines = &birth->container->group_lines,
	    .die_with_parent = !d->own_pid_namespace,
	    .preserve_fds = birth->preserve_fds,
	    .id = birth->container->id,
	    .bundle = bundle,
	};
	pid_t pid;
	r = runtime_spawn(&runtime, &pid, &d->pidfd, err);
	if (r == 0)
		d->pid = pid;
	return r;
}

/* The command line writes our maps; when it died there will never be any. */
static int wait_for_maps(const struct birth *birth, struct error *err)
{
	char word;
	int fd = birth->map_fd;
	if (fd < 0)
		return 0;
	if (read_full(fd, &word, 1) != 1)
		return error_set(err, ECANCELED, "the start was given up");
	return userns_become_root(plan_keeps_groups(&birth->container->annotations), err);
}

/* Those of the container's own user namespace are ours to write. */
static int map_inner(const struct birth *birth, struct error *err)
{
	const struct monitor_description *d = birth->description;
	if (!birth->plan->nested || birth->inner_fd >= 0)
		return 0;
	const struct plan *plan = birth->plan;
	struct id_mapping inner = {.direct = true}, own;
	int r = id_maps_own(&own.uids, &own.gids, err);
	if (r < 0)
		return r;
	if (id_map_part(&plan->inner.uids, &own.uids, &inner.uids) < 0 || id_map_part(&plan->inner.gids, &own.gids, &inner.gids) < 0)
		return error_set(err, EINVAL, "the ids of the container's user namespace are not among those that you have, or in too many ranges");
	pid_t pid = pidfd_pid(d->pidfd);
	return pid < 0 ? 0 : userns_map(pid, &inner, err); /* it is dead already, and its report says why */
}

/* The first process mounts by itself, but fuse-overlayfs and squashfuse must run outside. */
static int serve_fuse(const struct birth *birth, int socket, struct error *err)
{
	struct monitor_description *d = birth->description;
	const struct rootfs *rootfs = &birth->plan->rootfs;
	for (size_t i = 0; socket >= 0 && i < rootfs_servers(rootfs); i++) {
		auto_close int fuse = descriptors_receive_one(socket, 0);
		if (fuse < 0)
			return 0;
		pid_t pid;
		int r = rootfs_serve_fuse(rootfs, i, fuse, &pid, err);
		if (r < 0)
			return r;
		d->helper_pids[d->helper_count++] = pid;
	}
	return 0;
}

/* By the command line, which is outside of the user namespace. */
static int another_keeper(const void *data, struct error *err)
{
	const struct birth *birth = data;
	struct monitor_reply reply = {.type = REPLY_KEEPER};
	auto_close int keeper = -1;
	int r = message_send(birth->control, &reply, sizeof(reply), NULL, 0);
	if (r == 0)
		r = message_receive(birth->control, &reply, &keeper);
	if (r < 0 || reply.type != REPLY_KEEPER)
		return error_set(err, EIO, "the networks' keeper was killed, and so was who could make another one");
	return keeper < 0 ? error_set(err, reply.errnum ? reply.errnum : EIO, "%s", reply.text) : TAKE_FD(keeper);
}

/* The network program comes up while the first process mounts. 0: there is none to come. */
static struct network_start network_start(const struct birth *birth, int netns_fd)
{
	const struct monitor_description *d = birth->description;
	return (struct network_start){
	    .container = birth->container,
	    .run_fd = birth->store->run_fd,
	    .directory_fd = d->directory_fd,
	    .netns_fd = netns_fd,
	    .pidfd = d->pidfd,
	    .ports = d->ports,
	    .ports_count = d->ports_count,
	    .control_fd = birth->forward_fd,
	    .bridges = birth->bridges,
	    .another_keeper = birth->control >= 0 ? another_keeper : NULL,
	    .data = birth,
	};
}

/* What changes while the container runs is told to the forwarder by the monitor. */
static int make_forwarder_pair(struct monitor_description *d, int *ret_theirs, struct error *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "make a socket");
	d->forward_fd = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

static int begin_network(const struct birth *birth, int socket, struct network *ret, struct error *err)
{
	auto_close int netns = socket < 0 ? -1 : descriptors_receive_one(socket, 0);
	if (netns < 0)
		return 0;
	struct network_start start = network_start(birth, netns);
	int r = network_begin(&start, ret, err);
	return r < 0 ? r : 1;
}

static int finish_network(const struct birth *birth, struct network *network, struct error *err)
{
	struct monitor_description *d = birth->description;
	struct network_pids pids = {0, 0};
	struct network_start start = network_start(birth, -1);
	int r = network_ready(&start, network, &pids, err);
	if (r < 0)
		return r;
	d->network_pid = pids.program;
	d->forwarder_pid = pids.forwarder;
	if (pids.program)
		d->helper_pids[d->helper_count++] = pids.program;
	if (pids.forwarder)
		d->helper_pids[d->helper_count++] = pids.forwarder;
	return 0;
}

static int write_pid_file(const char *path, pid_t pid, struct error *err)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);
	return path ? file_write_at(AT_FDCWD, path, text, (size_t)n, 0644, 0, err) : 0;
}

static int write_pid_files(const struct birth *birth, struct error *err)
{
	int r = write_pid_file(birth->container->pid_file, birth->description->host_pid, err);
	return r < 0 ? r : write_pid_file(birth->container->monitor_pid_file, birth->description->monitor_pid, err);
}

/* That we belong to the user namespace, so that the next start joins it. Not to be found costs that one a namespace, no more. */
static void announce(const struct birth *birth)
{
	struct monitor_description *d = birth->description;
	struct stat st;
	char key[17];
	if (d->member[0])
		return; /* since an earlier start */
	if (userns_announce(birth->store->run_fd, &birth->plan->mapping, NULL) < 0 || stat("/proc/self/ns/user", &st) < 0)
		return;
	id_mapping_key(&birth->plan->mapping, key);
	snprintf(d->member, sizeof(d->member), "userns/%s/%d-%llu", key, d->monitor_pid, (unsigned long long)st.st_ino);
}

/*
 * The kernel takes a mount namespace apart with the last process or descriptor that has it, and says that a process has exited only after that: half
 * a millisecond. Where directories of the user's own are mounted he may want to unmount them when the container has ended, and it is waited for.
 */
static int hold_mounts(const struct container *container, pid_t host_pid)
{
	char path[32];
	if (container->mounts.count)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", host_pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int help(const struct birth *birth, struct ends *ends, struct error *err)
{
	struct monitor_description *d = birth->description;
	int r;
	if ((r = birth->plan->nested ? map_inner(birth, err) : wait_for_maps(birth, err)) < 0)
		return r;
	if (write_all(ends->wait[1], "m", 1) < 0)
		return 0; /* it is dead already, and its report says why */
	announce(birth);
	if ((r = d->host_pid = pidfd_pid(d->pidfd)) < 0)
		return error_sys(err, r, "find the container's process");
	d->mount_fd = hold_mounts(birth->container, d->host_pid);
	struct network network;
	int networked = begin_network(birth, ends->network[1], &network, err);
	if (networked < 0)
		return networked;
	r = serve_fuse(birth, ends->fuse[1], err);
	if (r == 0)
		r = write_pid_files(birth, err);
	if (r < 0 && networked)
		network_kill(&network);
	if (r < 0 || (networked && (r = finish_network(birth, &network, err)) < 0))
		return r;
	write_all(ends->wait[1], "x", 1);
	return 0;
}

static pid_t number_in_proc(void)
{
	char text[16] = "";
	return readlink("/proc/self", text, sizeof(text) - 1) < 0 ? 0 : (pid_t)strtol(text, NULL, 10);
}

/* Nothing of the command line's stays: its terminal, its session, its streams (a `$(coracle run -d …)` waits for their end), its signals, and
 * whatever descriptors it was given itself, but for those that are the container's. */
static int leave_command_line(unsigned int preserve_fds, struct error *err)
{
	sigset_t waiting;
	setsid();
	close_range(3 + preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC);
	/* Those that the monitor waits for: an ignored one never comes. The first process resets all of them. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	/* The monitor's before it is there: a SIGHUP of who looks for its socket (monitor_connect()) would end us. */
	sigemptyset(&waiting);
	sigaddset(&waiting, SIGHUP);
	sigaddset(&waiting, SIGTERM);
	sigprocmask(SIG_SETMASK, &waiting, NULL);
	signal(SIGPIPE, SIG_IGN);
	auto_close int null = open_null(O_RDWR, err);
	for (int i = 0; i < 3 && null >= 0; i++)
		if (dup2(null, i) < 0)
			return error_sys(err, errno, "leave the standard streams");
	if (chdir("/") < 0)
		return error_sys(err, errno, "leave the working directory");
	return null < 0 ? null : 0;
}

int execute_monitor(const struct monitor_description *d, struct error *err)
{
	char number[16], label[96];
	auto_free char *path = NULL;
	int r = program_find("coracle-monitor", &path, err);
	if (r < 0)
		return r;
	auto_close int fd = memfd_create("description", 0);
	if (fd < 0)
		return error_sys(err, errno, "describe the container to its monitor");
	if ((r = write_all(fd, d, monitor_description_size(d))) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(err, r < 0 ? r : errno, "describe the container to its monitor");
	const int fds[] = {d->lock_fd,	d->directory_fd, d->root_fd,  d->run_fd,   d->locks_fd,	 d->program_fd, d->pidfd,    d->mount_fd,
			   d->report_fd, d->console_fd, d->stdin_fd, d->stdout_fd, d->stderr_fd, d->cgroup_fd, d->forward_fd};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, 0);
	for (size_t i = 0; i < MONITOR_CLIENTS_MAX; i++) {
		const struct monitor_client *c = &d->clients[i];
		const int streams[] = {c->control, c->in, c->out, c->err};
		for (size_t j = 0; j < ARRAY_SIZE(streams); j++)
			if (streams[j] >= 0)
				fcntl(streams[j], F_SETFD, 0);
	}
	for (uint32_t i = 0; i < d->ports_count; i++)
		fcntl(d->ports[i].fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", fd);
	snprintf(label, sizeof(label), "%.12s %.64s", d->id, d->name);
	char *const argv[] = {(char *)"coracle-monitor", number, label, NULL};
	/* Only `coracle --relaunch` and `--mend` need our environment: PATH, and where the run directory is. */
	char *const nothing[] = {NULL};
	execve(path, argv, d->program_fd < 0 ? nothing : environ);
	return error_sys(err, errno, "execute %s", path);
}

int monitor_process(const struct birth *birth, struct error *err)
{
	struct monitor_description *d = birth->description;
	struct ends ends = ENDS_INIT;
	int r;
	cleanup_close(&birth->map_write_fd);
	if ((r = leave_command_line(birth->preserve_fds, err)) < 0 || (r = make_ends(birth, &ends, err)) < 0)
		return r;
	d->monitor_pid = number_in_proc();
	if (!d->own_pid_namespace)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* Who has no ids cannot make a user namespace. */
	if ((birth->plan->nested && (r = wait_for_maps(birth, err)) < 0) || (r = spawn(birth, &ends, err)) < 0)
		return r;
	close_theirs(&ends);
	descriptors_close_inherited(birth->preserve_fds);
	struct birth helped = *birth;
	auto_close int forwarder_end = -1;
	if (d->ports_count && (r = make_forwarder_pair(d, &forwarder_end, err)) < 0)
		return r;
	helped.forward_fd = forwarder_end;
	if ((r = help(&helped, &ends, err)) < 0)
		return r;
	cleanup_close(&ends.wait[1]);
	cleanup_close(&ends.fuse[1]);
	cleanup_close(&ends.network[1]);
	d->report_fd = ends.report[1];
	d->console_fd = ends.console[1];
	d->stdin_fd = ends.in[1];
	d->stdout_fd = ends.out[1];
	d->stderr_fd = ends.err[1];
	return execute_monitor(d, err);
}
