/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line's side of a start: takes the lock, finds or makes the user namespace, clones the monitor process and waits for its report.
 */
#include "libpod/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/launch/launch_internal.h"
#include "libpod/monitor/message.h"
#include "libpod/network/network.h"
#include "pkg/file/file.h"
#include "pkg/message/message.h"
#include "pkg/process/process.h"
#include "rootless/cgroup/cgroup.h"
#include "rootless/userns/userns.h"

#define STACK_SIZE 65536

void launch_free(struct launch *launch)
{
	cleanup_close(&launch->control);
	for (int i = 0; i < 3; i++)
		cleanup_close(&launch->stdio[i]);
	*launch = LAUNCH_INIT;
}

/* ---- the clone ---- */
static _Noreturn void be_monitor(const struct birth *birth)
{
	struct error err = ERROR_INIT;
	monitor_process(birth, &err);
	struct monitor_reply reply = {.type = REPLY_FAILED, .errnum = err.errnum, .status = err.status};
	snprintf(reply.text, sizeof(reply.text), "%.*s", (int)sizeof(reply.text) - 1, err.text);
	message_send(birth->description->clients[0].control, &reply, sizeof(reply), NULL, 0);
	/* What was made so far goes with us where we are pid 1; elsewhere the first process has a parent-death signal. */
	_exit(125);
}

struct joining {
	const struct birth *birth;
	int user_fd;
	uint64_t flags;
	pid_t pid;
	struct error *err;
};

/* In the command line's memory, which waits: becomes a member of the user namespace, as the command line itself must not, and makes its sibling. */
static int join_and_clone(void *data)
{
	struct joining *joining = data;
	joining->pid = userns_join(joining->user_fd, plan_keeps_groups(&joining->birth->container->annotations), joining->err);
	if (joining->pid < 0)
		return 0;
	pid_t pid = process_clone(joining->flags | CLONE_PARENT, NULL);
	if (pid == 0)
		be_monitor(joining->birth);
	joining->pid = pid;
	return 0;
}

static pid_t clone_joining(const struct birth *birth, int user_fd, uint64_t flags, struct error *err)
{
	/* Deeper in our own stack: the monitor process goes on from there, with all of the rest of it below. */
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	struct joining joining = {.birth = birth, .user_fd = user_fd, .flags = flags, .err = err};
	/* As posix_spawn(3) does: it borrows our memory, and nothing of it is copied for the step between. */
	pid_t pid = clone(join_and_clone, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &joining);
	if (pid < 0)
		return error_sys(err, errno, "start the monitor");
	waitpid(pid, NULL, 0);
	process_forget_frames(stack, sizeof(stack));
	if (joining.pid < 0 && (!err || !err->errnum))
		error_sys(err, joining.pid, "start the monitor");
	return joining.pid;
}

static pid_t clone_making(const struct birth *birth, uint64_t flags, struct error *err)
{
	pid_t pid = process_clone(flags | CLONE_NEWUSER, NULL);
	if (pid == 0)
		be_monitor(birth);
	return pid < 0 ? userns_explain(pid, err) : pid;
}

/* The ids of the namespace that the monitor process made; when that fails it finds its pipe at an end, and ends. */
static int map_ids(pid_t pid, const struct plan *plan, int map_fd, struct error *err)
{
	int r = userns_map(pid, &plan->mapping, err);
	if (r == 0 && write_all(map_fd, "m", 1) < 0)
		r = 0; /* it is dead: its report says why */
	return r;
}

/* Returns the monitor's pid. */
static pid_t give_birth(struct birth *birth, struct error *err)
{
	const struct spec_namespace_entry *pid_entry = &birth->plan->spec.namespaces[SPEC_NS_PID];
	birth->description->own_pid_namespace = pid_entry->present && !pid_entry->path && birth->namespace_fds[SPEC_NS_PID] < 0;
	uint64_t flags = birth->description->own_pid_namespace ? CLONE_NEWPID : 0;
	auto_close int found = -1;
	int user_fd = birth->namespace_fds[SPEC_NS_USER];
	if (user_fd < 0)
		user_fd = found = userns_find(birth->store->run_fd, &birth->plan->mapping, NULL);
	if (user_fd >= 0) {
		birth->map_fd = birth->map_write_fd = -1;
		return clone_joining(birth, user_fd, flags, err);
	}
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int theirs = fds[0], ours = fds[1];
	birth->map_fd = theirs;
	birth->map_write_fd = ours;
	pid_t pid = clone_making(birth, flags, err);
	if (pid < 0)
		return pid;
	int r = map_ids(pid, birth->plan, ours, err);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	return pid;
}

/* ---- the report ---- */

/* It cannot make one from where it is. Without a descriptor it is told why. */
static int give_keeper(const struct birth *birth, int control)
{
	struct error err = ERROR_INIT;
	struct monitor_reply reply = {.type = REPLY_KEEPER};
	auto_network_bridges struct network_bridges bridges = NETWORK_BRIDGES_INIT;
	int r = network_prepare(birth->store, birth->container, &birth->plan->mapping, &bridges, &err);
	reply.errnum = err.errnum;
	snprintf(reply.text, sizeof(reply.text), "%.*s", (int)sizeof(reply.text) - 1, err.text);
	return message_send(control, &reply, sizeof(reply), &bridges.keeper_fd, r == 0 && bridges.keeper_fd >= 0);
}

static int await_report(const struct birth *birth, int control, struct giving_up *giving_up, struct error *err)
{
	struct monitor_reply reply;
	int r = 0;
	do {
		if (!giving_up_wait(giving_up, control))
			return error_set(err, ECANCELED, "the start was given up");
		r = message_receive(control, &reply, NULL);
	} while (r == 0 && reply.type == REPLY_KEEPER && (r = give_keeper(birth, control)) == 0);
	if (r < 0)
		return error_set(err, EIO, "the monitor died while it was starting the container");
	if (reply.type == REPLY_STARTED)
		return 0;
	return error_set_status(err, reply.errnum, reply.status, "%s", reply.text);
}

static int lock_container(struct store *store, const struct container *container, struct error *err)
{
	int lock = container_lock(store, container->id, err);
	if (lock == -EAGAIN)
		return error_set(err, EBUSY, "container %s is running already", container->name);
	if (lock >= 0)
		container_bury(store, container->id);
	return lock;
}

static bool is_attached(const struct launch_streams *streams)
{
	return streams->attach_stdin || streams->attach_stdout || streams->attach_stderr;
}

/* The sockets are in the order of the record's ports. */
static void describe_ports(const struct container *container, const int *fds, size_t count, struct monitor_description *d)
{
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		for (uint16_t n = 0; n < port->range && d->ports_count < count; n++, d->ports_count++)
			d->ports[d->ports_count] = (struct forward_port){.fd = fds[d->ports_count], .port = (uint16_t)(port->container_port + n)};
	}
}

/* The ports: taken when the plan was made, or now. */
static int take_ports(struct birth *birth, struct error *err)
{
	struct plan *plan = birth->plan;
	struct monitor_description *d = birth->description;
	if (!plan->listen_fds && birth->container->ports_count) {
		int r = network_listen(birth->container, &plan->listen_fds, &plan->listen_count, err);
		if (r == 0) /* those that are chosen anew at each start */
			r = container_write(d->directory_fd, birth->container, err);
		if (r < 0)
			return r;
	}
	if (plan->listen_count > FORWARD_LISTENERS_MAX)
		return error_set(err, E2BIG, "%zu published ports are more than %d", plan->listen_count, FORWARD_LISTENERS_MAX);
	d->helper_listens = birth->container->ports_count && !plan->listen_count;
	if (plan->listen_count)
		describe_ports(birth->container, plan->listen_fds, plan->listen_count, d);
	return 0;
}

static void close_ports(struct plan *plan)
{
	for (size_t i = 0; i < plan->listen_count; i++)
		close(plan->listen_fds[i]);
	plan->listen_count = 0;
}

struct others {
	int fds[SPEC_NS_COUNT];
	int inner;
};

static void close_others(struct others *others)
{
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		cleanup_close(&others->fds[i]);
	cleanup_close(&others->inner);
}

static void fill_streams(const struct container *container, const struct launch_streams *streams, const struct stream_ends *ends, int control,
			 struct plan *plan, struct monitor_description *d)
{
	struct monitor_client *client = &d->clients[0];
	*client = (struct monitor_client){.control = control, .in = ends->theirs[0], .out = ends->theirs[1], .err = ends->theirs[2]};
	client->waits = is_attached(streams);
	/* One socket, both ways: two descriptors, so that each direction can be watched by itself. */
	if (container->terminal && client->in >= 0)
		client->out = fcntl(client->in, F_DUPFD_CLOEXEC, 3);
	if (streams->rows && streams->columns) {
		d->rows = plan->spec.process.rows = streams->rows;
		d->columns = plan->spec.process.columns = streams->columns;
	}
}

/* newuidmap(1) can refuse ids that were given when we last asked. */
static pid_t give_birth_anew(struct birth *birth, pid_t result, struct error *err)
{
	struct id_mapping mapping = birth->plan->mapping;
	if (!store_mapping_refused(birth->store, result, &mapping))
		return result;
	error_clear(err);
	int r = adopt_ids(birth->store, birth->container, &mapping, birth->plan, err);
	if (r < 0)
		return r;
	birth->description->single_id = mapping.single;
	return give_birth(birth, err);
}

/* One that came too late to give the start up is the container's; with a terminal it is the command's own, which has detached then. */
static void pass_on(struct giving_up *giving_up, bool terminal, int control)
{
	if (!giving_up_asked(giving_up) || terminal)
		return;
	struct monitor_request request = {.type = REQUEST_KILL, .signal = giving_up->signal};
	message_send(control, &request, sizeof(request), NULL, 0);
	giving_up->signal = 0;
}

/* With everything open: clones, lets go of what is the monitor's, waits. `control` is ours. */
static int start(struct birth *birth, int control, struct giving_up *giving_up, pid_t *ret_pid, struct error *err)
{
	struct monitor_description *d = birth->description;
	pid_t pid = give_birth(birth, err);
	if (pid < 0)
		pid = give_birth_anew(birth, pid, err);
	cleanup_close(&d->clients[0].control);
	cleanup_close(&d->clients[0].out);
	cleanup_close(&d->lock_fd);
	close_ports(birth->plan);
	if (pid < 0)
		return pid;
	*ret_pid = pid;
	int r = await_report(birth, control, giving_up, err);
	if (r < 0 && giving_up->signal)
		kill(pid, SIGKILL);
	if (r < 0)
		waitpid(pid, NULL, 0); /* with it go its lock, its helpers and the first process */
	else
		pass_on(giving_up, birth->container->terminal, control);
	return r;
}

static bool cgroups_are(const struct container *container, const char *mode)
{
	return container->cgroups && strcmp(container->cgroups, mode) == 0;
}

/* The monitor puts the container into it and removes it, as the containers' root. For the machine's root that is another user, to whom his cgroups are closed. */
static bool can_have_cgroup(const struct plan *plan)
{
	return id_map_outside(&plan->mapping.uids, 0) == (int64_t)geteuid();
}

/* An init of another kind gets on without; systemd itself does not. */
static void miss_systemd_cgroup(const struct container *container, const char *why)
{
	if (container->systemd)
		message_warn("container %s has no control group that systemd could divide, without which it does not start: %s",
			     container->name, why);
}

static int make_systemd_cgroup(const struct container *container, struct cgroup_request *request, struct cgroup *ret, struct error *err)
{
	struct error failure = ERROR_INIT;
	request->limits = true;
	if (request->parent)
		return cgroup_make(request, ret, err);
	if (cgroup_make(request, ret, &failure) < 0)
		miss_systemd_cgroup(container, ret->reason[0] ? ret->reason : failure.text);
	return 0;
}

static int make_cgroup(const struct container *container, const struct plan *plan, struct cgroup *ret, struct error *err)
{
	struct cgroup_request request = {
	    .id = container->id,
	    .parent = container->cgroup_parent,
	    .own = cgroups_are(container, "split"),
	    .without_systemd = container->cgroup_manager && strcmp(container->cgroup_manager, "cgroupfs") == 0,
	    .limits = limits_are_set(plan->spec.resources),
	};
	if (cgroups_are(container, "disabled")) {
		miss_systemd_cgroup(container, "--cgroups disabled");
		return 0;
	}
	if (!can_have_cgroup(plan) && !request.limits)
		miss_systemd_cgroup(container, "the containers of the machine's root are another user's; run coracle as an ordinary user");
	if (!can_have_cgroup(plan))
		return request.limits ? error_set(err, EOPNOTSUPP, "limits are not for the machine's root, whose containers' cgroups would be another user's; run coracle as an ordinary user")
				      : 0;
	bool limits = request.limits;
	int r = container->systemd && !limits ? make_systemd_cgroup(container, &request, ret, err) : cgroup_make(&request, ret, err);
	if (r < 0 || !limits)
		return r;
	r = limits_apply(ret->fd, plan->spec.resources, err);
	if (r < 0) {
		cleanup_close(&ret->fd);
		cgroup_remove(ret->path, 0, NULL);
	}
	return r;
}

/* Takes *lock_fd when the monitor is about to have it; until then the caller still holds it. */
static int launch_locked(struct store *store, struct container *container, struct plan *plan, int *lock_fd, const struct launch_streams *streams,
			 struct giving_up *giving_up, struct launch *ret, struct error *err)
{
	CLEANUP(close_others) struct others others;
	CLEANUP(streams_close) struct stream_ends ends = STREAM_ENDS_INIT;
	auto_launch struct launch launch = LAUNCH_INIT;
	auto_free struct monitor_description *d = xcalloc(1, sizeof(*d));
	struct launch_streams wanted = *streams;
	struct container_state state;
	int pair[2];
	memset(&others, -1, sizeof(others));
	int r = others_open(store, container, others.fds, err);
	if (r < 0 || (r = others_open_user(store, container, others.fds, &others.inner, err)) < 0)
		return r;
	auto_close int directory = container_open(store, container->id, err), program = -1;
	if (directory < 0)
		return directory;
	auto_network_bridges struct network_bridges bridges = NETWORK_BRIDGES_INIT;
	if ((r = network_prepare(store, container, &plan->mapping, &bridges, err)) < 0)
		return r;
	describe_container(container, d);
	CLEANUP(sharing_free) struct sharing_volumes sharing = {0};
	if ((r = sharing_find(store, container, &plan->spec, others.fds, &sharing, err)) < 0)
		return r;
	struct birth birth = {.sharing = &sharing, .bridges = &bridges, .store = store, .container = container, .plan = plan, .map_fd = -1, .map_write_fd = -1, .description = d, .preserve_fds = streams->preserve_fds, .control = -1};
	memcpy(birth.namespace_fds, others.fds, sizeof(others.fds));
	birth.inner_fd = others.inner;
	d->directory_fd = directory;
	d->root_fd = store->root_fd;
	d->run_fd = store->run_fd;
	d->locks_fd = store->lock_fd;
	d->single_id = plan->mapping.single;
	d->was_started = container_state_read(directory, &state, NULL) == 0 && state.status != CONTAINER_CREATED;
	if (d->restart_policy != RESTART_NO || network_has_helpers(container))
		d->program_fd = program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	wanted.terminal = container->terminal;
	if ((r = take_ports(&birth, err)) < 0 || (r = streams_make(&wanted, &ends, err)) < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "make a socket");
	launch.control = pair[0];
	memcpy(launch.stdio, ends.ours, sizeof(launch.stdio));
	memset(ends.ours, -1, sizeof(ends.ours));
	fill_streams(container, streams, &ends, pair[1], plan, d);
	birth.control = pair[1];
	struct cgroup cgroup = {.fd = -1};
	if ((r = make_cgroup(container, plan, &cgroup, err)) < 0)
		return r;
	d->lock_fd = TAKE_FD(*lock_fd);
	d->cgroup_fd = cgroup.fd;
	r = start(&birth, launch.control, giving_up, &launch.monitor_pid, err);
	cleanup_close(&cgroup.fd);
	if (r < 0) {
		if (cgroup.path[0])
			cgroup_remove(cgroup.path, 0, NULL);
		return r;
	}
	*ret = launch;
	launch = LAUNCH_INIT;
	return 0;
}

/* What others have changed since the caller read the record, or are changing just now (network publish, connect): they
 * believed that it is not running. Who looks from here on finds that it is being started. */
static int read_anew(struct store *store, struct container *container, struct error *err)
{
	auto_container struct container *now = NULL;
	auto_close int directory = container_open(store, container->id, err);
	int r = directory < 0 ? directory : container_lock_record(directory, err);
	if (r < 0 || (r = container_read(store, container->id, &now, err)) < 0)
		return r;
	struct container before = *container;
	*container = *now;
	*now = before;
	return 0;
}

static int reload(struct store *store, struct container *container, struct plan *ret, struct error *err)
{
	struct id_mapping mapping;
	int r = read_anew(store, container, err);
	if (r < 0 || (r = store_mapping(store, &mapping, err)) < 0 || (r = plan_reload(store, container, ret, err)) < 0)
		return r;
	/* Somebody else's namespace has whatever ids it has. */
	if (container->userns && text_starts_with(container->userns, "ns:"))
		return plan_user_namespace(container->userns + strlen("ns:"), ret, NULL, NULL, err);
	return adopt_ids(store, container, &mapping, ret, err);
}

int launch_container(struct store *store, struct container *container, struct plan *plan, const struct launch_streams *streams, struct launch *ret,
		     struct error *err)
{
	auto_plan struct plan reloaded = {0};
	CLEANUP(giving_up_end) struct giving_up giving_up = GIVING_UP_INIT;
	int r = is_attached(streams) ? giving_up_begin(&giving_up, err) : 0;
	if (r < 0)
		return r;
	auto_close int lock = lock_container(store, container, err);
	if (lock < 0)
		return lock;
	r = plan ? 0 : reload(store, container, &reloaded, err);
	if (r < 0)
		return r;
	r = start_required(store, container, err);
	if (r == 0)
		r = launch_locked(store, container, plan ? plan : &reloaded, &lock, streams, &giving_up, ret, err);
	/* What did not even get to its monitor is still ours, and could neither be removed nor started again. */
	if (lock >= 0)
		close(TAKE_FD(lock));
	/* What `run --rm` made goes again. A monitor that got that far has done it already. */
	if (r < 0 && container->remove && container_remove(store, container->id, NULL) == 0)
		store_empty_trash(store, NULL);
	return r;
}
