/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place for containers' cgroups.
 *
 * Under systemd every cgroup has one master: what is to be ours must be delegated to us. So the user's manager is asked for it once: the service coracle.service, which
 * has no process of its own, stays until it is stopped or the user is gone, and in which a container's cgroup is a mkdir(2) (systemd.resource-control(5), Delegate=). That is
 * done for the first container that has limits; one without makes do with what there is.
 *
 * A process that the user's manager did not start (a login shell over ssh) may not move processes there. It has the manager move itself, which may ask the system's.
 *
 * Without systemd it is the highest cgroup that is ours to write: that of a batch job, for example.
 *
 * Where that is our own cgroup (a job's, or `--cgroups split` in a service with Delegate=), its processes stand in the way: a cgroup that hands controllers down has none itself
 * (the "no internal process" rule of cgroups(7)). All of them, ourselves included, move one down, into "coracle-commands", and later commands find the place above that. Who is killed
 * half-way leaves some moved and some not, which the next one completes. Nothing removes that cgroup: it goes with the job's or the service's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/text/text.h"
#include "rootless/cgroup/find.h"

#define SERVICE	       "coracle.service"
#define UNIT	       "--unit=coracle.service"
#define CONTROLLERS_MAX 512
/* Where the processes of our own cgroup go. */
#define ASIDE	   "/" CGROUP_PREFIX "commands"
#define ASIDE_TRIES 100
#define PROCS_MAX   (1 << 20)

struct own {
	char path[PATH_MAX];
	int point; /* the length of the mount point */
};

/* The cgroup of the user's manager; false when systemd runs none. `ret_inside`: we are in it. */
static bool find_manager(const struct own *own, char *out, size_t size, bool *ret_inside)
{
	struct stat st;
	int n = snprintf(out, size, "%.*s/user.slice/user-%u.slice/user@%u.service", own->point, own->path, geteuid(), geteuid());
	if (n < 0 || (size_t)n >= size || stat(out, &st) < 0)
		return false;
	*ret_inside = strncmp(own->path, out, (size_t)n) == 0 && (own->path[n] == '/' || !own->path[n]);
	return true;
}

static int run_quietly(const char *const *argv, struct error *err)
{
	return spawn_run(&(struct spawn){.argv = argv}, err);
}

static int make_service(struct error *err)
{
	static const char *const argv[] = {"systemd-run",    "--user",		       "--quiet",	   UNIT,
					   "--slice=app.slice", "--description=Containers of coracle", "--property=Delegate=yes", "--property=Type=oneshot",
					   "--property=RemainAfterExit=yes", "true", NULL};
	return run_quietly(argv, err);
}

#define COMMANDS "/commands"
static int move_ourselves(const char *service, struct error *err)
{
	char pid[16];
	auto_free char *commands = xasprintf("%s" COMMANDS, service);
	if (mkdir(commands, 0755) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make %s", commands);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	const char *argv[] = {"busctl",	"--user",      "--quiet", "call",	    "org.freedesktop.systemd1",
			      "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "AttachProcessesToUnit", "ssau", SERVICE,
			      COMMANDS, "1", pid, NULL};
	return run_quietly(argv, err);
}

static int find_service(const struct own *own, bool limits, char *path, size_t size, struct error *err)
{
	char manager[PATH_MAX];
	bool inside = false;
	if (!find_manager(own, manager, sizeof(manager), &inside))
		return -ENOENT;
	int n = snprintf(path, size, "%s/app.slice/" SERVICE, manager);
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	bool there = cgroup_is_ours(path);
	if (!limits && !(there && inside))
		return -ENOENT;
	/* Of two who ask at once one hears that it is there already. The service's own command has ended, and its cgroup with it: it is made again here, and left alone by
	 * systemd for as long as the service counts as active. */
	int r = there ? 0 : make_service(err);
	if (!there && mkdir(path, 0755) < 0 && errno != EEXIST)
		return r < 0 ? error_context(err, "ask systemd for a place for the container's limits") : error_sys(err, errno, "make %s", path);
	error_clear(err);
	return !inside && move_ourselves(path, err) < 0 ? error_context(err, "ask systemd to let this process into " SERVICE) : 0;
}

/* --cgroup-parent: a path below the mount point, or the name of a slice of the user's. */
static int named_parent(const struct own *own, const char *parent, char *path, size_t size, struct error *err)
{
	char manager[PATH_MAX];
	bool inside, slice = text_ends_with(parent, ".slice") && !strchr(parent, '/');
	int n = slice && find_manager(own, manager, sizeof(manager), &inside) ? snprintf(path, size, "%s/%s", manager, parent)
									       : snprintf(path, size, "%.*s/%s", own->point, own->path, parent + strspn(parent, "/"));
	if (n < 0 || (size_t)n >= size || strstr(parent, ".."))
		return error_set(err, EINVAL, "--cgroup-parent %s: not a cgroup", parent);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return error_sys(err, errno, "--cgroup-parent %s", path);
	return cgroup_is_ours(path) ? 0 : error_set(err, EACCES, "--cgroup-parent %s: it is not delegated to you", path);
}

/* All controllers that there are, for the cgroups below. What cannot be had is missed when it is wanted. */
void cgroup_hand_down(int fd)
{
	auto_free char *available = NULL;
	if (fd < 0 || file_read_at(fd, "cgroup.controllers", CONTROLLERS_MAX, &available, NULL, NULL) < 0)
		return;
	auto_close int control = openat(fd, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	char *rest = available, *name;
	while (control >= 0 && (name = strsep(&rest, " \n"))) {
		auto_free char *word = *name ? xasprintf("+%s", name) : NULL;
		/* Those that are refused are missed when they are wanted. */
		if (word)
			(void)!write(control, word, strlen(word));
	}
}

void cgroup_enable_controllers(int fd)
{
	auto_free char *processes = NULL;
	auto_close int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0 && file_read_at(parent, "cgroup.procs", PROCS_MAX, &processes, NULL, NULL) == 0 && !*processes)
		cgroup_hand_down(parent);
}

/* Moves each process that the list has now. How many there were; those that ended meanwhile count, too. */
static int move_listed(const char *from, int to)
{
	auto_fclose FILE *list = fopen(from, "re");
	int pid, count = 0;
	if (!list)
		return -errno;
	for (; fscanf(list, "%d", &pid) == 1; count++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "%d", pid);
		/* 0 is one that our pid namespace does not have; written, it would mean ourselves. */
		if (pid <= 0)
			return -EPERM;
		if (write(to, text, (size_t)n) < 0 && errno != ESRCH)
			return -errno;
	}
	return count;
}

/* The processes of the cgroup, one down. They may fork meanwhile, so that it takes until none is left. */
static int move_aside(const char *path, struct error *err)
{
	auto_free char *from = xasprintf("%s/cgroup.procs", path), *aside = xasprintf("%s" ASIDE, path), *procs = xasprintf("%s/cgroup.procs", aside);
	auto_free char *listed = NULL;
	if (file_read_at(AT_FDCWD, from, PROCS_MAX, &listed, NULL, NULL) == 0 && !*listed)
		return 0;
	if (mkdir(aside, 0755) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make %s", aside);
	auto_close int to = open(procs, O_WRONLY | O_CLOEXEC);
	int r = to < 0 ? -errno : 1;
	for (int i = 0; i < ASIDE_TRIES && r > 0; i++)
		r = move_listed(from, to);
	if (r > 0)
		r = -EBUSY;
	return r < 0 ? error_sys(err, r, "make room for limits: move the processes of %s into " CGROUP_PREFIX "commands below it", path) : 0;
}

/* What an earlier command has made room in is our own cgroup still. */
static void forget_aside(struct own *own)
{
	char *slash = strrchr(own->path + own->point, '/');
	if (!slash || strcmp(slash, ASIDE) != 0)
		return;
	*slash = '\0';
	if (!cgroup_is_ours(own->path))
		*slash = '/';
}

int cgroup_place(const struct cgroup_request *request, char *path, size_t size, struct error *err)
{
	struct own own;
	own.point = cgroup_find_own(own.path, sizeof(own.path));
	if (own.point < 0)
		return own.point;
	forget_aside(&own);
	int r = -ENOENT;
	if (request->parent)
		r = named_parent(&own, request->parent, path, size, err);
	else if (!request->own && !request->without_systemd)
		r = find_service(&own, request->limits, path, size, err);
	if (r == -ENOENT && !request->parent) {
		snprintf(path, size, "%s", own.path);
		r = request->own ? (cgroup_is_ours(path) ? 0 : -EACCES) : cgroup_climb(path, own.point);
	}
	/* First: with processes in it some controllers can be handed down, which turns it into a "domain threaded" one and excludes the others. */
	if (r == 0 && request->limits && strcmp(path, own.path) == 0)
		r = move_aside(path, err);
	auto_close int fd = r == 0 && request->limits ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	cgroup_hand_down(fd);
	return r;
}
