/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns: --userns, --uidmap, --gidmap, --subuidname, --subgidname: which ids the container has.
 *
 * By default it has those of the namespace that all containers share, in which the user is 0 and his subordinate ids
 * are 1 and so on. All else is a namespace of its own below that one, whose ids are made of those (podman's
 * "intermediate" ids):
 *
 *	keep-id     0…uid-1 from 1 on, uid is 0 (the user), what is left as it is
 *	nomap       0… from 1 on: all but the user
 *	auto        0… from the first that no other such container has (auto.c)
 *	--uidmap    as given
 *
 * With a single id only keep-id is possible: the id goes by the user's own number (libpod/runtime/one_id.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

#define ID_MAX 4294967294LL

const struct id_mapping *plan_ids(const struct plan *plan)
{
	return plan->nested ? &plan->inner : &plan->mapping;
}

/* ---- the record ---- */

static int read_maps(const struct strv *lines, const char *what, struct id_map *ret, struct error *err)
{
	for (size_t i = 0; i < lines->count; i++) {
		int r = id_map_add_text(ret, lines->items[i]);
		if (r == -E2BIG)
			return error_set(err, EINVAL, "%s: more than %d ranges", what, ID_RANGES_MAX);
		if (r < 0)
			return error_set(err, EINVAL,
					 "%s %s: give CONTAINER:FROM:COUNT, with ids that no other range has", what,
					 lines->items[i]);
	}
	return 0;
}

int plan_read_nesting(struct plan *plan, const struct container *container, struct error *err)
{
	plan->inner = (struct id_mapping){.direct = true};
	plan->nested = container->uid_map.count;
	int r = read_maps(&container->uid_map, "uid map", &plan->inner.uids, err);
	return r < 0 ? r : read_maps(&container->gid_map, "gid map", &plan->inner.gids, err);
}

static void add_range(struct strv *map, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (count)
		strv_addf(map, "%u:%u:%u", inside, outside, count);
}

/* ---- keep-id, nomap ---- */

static int parse_kept(const char *options, uint32_t *uid, uint32_t *gid, struct error *err)
{
	auto_strv struct strv words = STRV_INIT;
	strv_split(&words, options, ',');
	for (size_t i = 0; i < words.count; i++) {
		int64_t id;
		const char *word = words.items[i];
		bool is_uid = text_starts_with(word, "uid="), is_gid = text_starts_with(word, "gid=");
		if ((!is_uid && !is_gid) || parse_int64(word + 4, "id", 0, ID_MAX, &id, NULL) < 0)
			return error_set(err, EINVAL, "--userns keep-id:%s: there are uid=ID and gid=ID", options);
		*(is_uid ? uid : gid) = (uint32_t)id;
	}
	return 0;
}

bool plan_kept_id(const char *userns, uint32_t *ret_uid, uint32_t *ret_gid, bool *ret_renamed)
{
	if (!userns || (strcmp(userns, "keep-id") != 0 && !text_starts_with(userns, "keep-id:")))
		return false;
	*ret_uid = geteuid();
	*ret_gid = getegid();
	*ret_renamed = userns[strlen("keep-id")];
	if (*ret_renamed)
		parse_kept(userns + strlen("keep-id:"), ret_uid, ret_gid, NULL);
	return true;
}

static void keep_one(struct strv *map, uint32_t id, uint32_t size)
{
	uint32_t others = size - 1;
	add_range(map, 0, 1, id < others ? id : others);
	add_range(map, id, 0, 1);
	if (others > id)
		add_range(map, id + 1, id + 1, others - id);
}

static int keep_id(const char *text, struct plan *plan, struct error *err)
{
	uint32_t uid = geteuid(), gid = getegid();
	const struct id_mapping *shared = &plan->mapping;
	int r = text[strlen("keep-id")] ? parse_kept(text + strlen("keep-id:"), &uid, &gid, err) : 0;
	if (r < 0)
		return r;
	if (id_map_outside(&shared->uids, 0) != (int64_t)geteuid())
		return error_set(
		    err, EINVAL,
		    "--userns keep-id is for ordinary users: root of the machine has no id in its containers");
	if (shared->single)
		return 0;
	keep_one(&plan->container->uid_map, uid, id_map_size(&shared->uids));
	keep_one(&plan->container->gid_map, gid, id_map_size(&shared->gids));
	return 0;
}

/* ---- ns:PATH ---- */

struct maps {
	struct id_map uids, gids;
	int result;
};

/* The ids of a user namespace, as who is in it sees them. */
static int look_into(int fd, struct maps *ret, struct error *err)
{
	int ends[2], status;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int from_child = ends[0], to_parent = ends[1];
	pid_t pid = process_clone(0, NULL);
	if (pid < 0)
		return error_sys(err, pid, "make a process");
	if (pid == 0) {
		struct maps maps = {.result = userns_join(fd, true, NULL)};
		if (maps.result >= 0)
			maps.result = id_maps_own(&maps.uids, &maps.gids, NULL);
		_exit(write_all(to_parent, &maps, sizeof(maps)) < 0);
	}
	close(TAKE_FD(to_parent));
	ssize_t n = read_full(from_child, ret, sizeof(*ret));
	process_wait(pid, &status);
	if (n != sizeof(*ret))
		return error_set(err, ECHILD, "the process that looks into the namespace was killed");
	return ret->result < 0 ? error_sys(err, ret->result,
					   "enter the namespace, which must be one of yours in which you are root")
			       : 0;
}

static bool is_same(int a, int b)
{
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int check_namespace(int fd, struct error *err)
{
	auto_close int ours = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWUSER)
		return error_set(err, EINVAL, "it is no user namespace");
	return is_same(fd, ours)
		   ? error_set(err, EINVAL, "it is the one that you are in, which gives no rights; use --userns host")
		   : 0;
}

int plan_user_namespace(const char *path, struct plan *plan, int *ret_outer, int *ret_inner, struct error *err)
{
	struct maps maps;
	auto_close int inner = open(path, O_RDONLY | O_CLOEXEC);
	if (inner < 0)
		return error_sys(err, errno, "--userns ns:%s", path);
	int r = check_namespace(inner, err);
	auto_close int outer = r < 0 ? -1 : userns_outermost(inner);
	if (r == 0 && outer < 0)
		r = error_sys(err, outer, "find the one that it lies in");
	if (r < 0 || (r = look_into(outer, &maps, err)) < 0)
		return error_context(err, "--userns ns:%s", path);
	if (id_map_outside(&maps.uids, 0) != (int64_t)geteuid())
		return error_set(err, EPERM, "--userns ns:%s: its root is another user than you", path);
	bool single = id_map_size(&maps.uids) == 1;
	plan->mapping = (struct id_mapping){.uids = maps.uids, .gids = maps.gids, .single = single, .direct = single};
	plan->nested = !is_same(inner, outer);
	if (plan->nested) {
		auto_close int parent = ioctl(inner, NS_GET_PARENT);
		if (parent < 0 || !is_same(parent, outer))
			return error_set(
			    err, EINVAL,
			    "--userns ns:%s: it lies more than one namespace below the one of your containers", path);
		if ((r = look_into(inner, &maps, err)) < 0)
			return error_context(err, "--userns ns:%s", path);
		plan->inner = (struct id_mapping){.uids = maps.uids, .gids = maps.gids, .direct = true};
	}
	if (ret_inner)
		*ret_inner = plan->nested ? TAKE_FD(inner) : -1;
	if (ret_outer)
		*ret_outer = TAKE_FD(outer);
	return 0;
}

/* ---- all of them ---- */

static int need_ids(const struct plan *plan, const char *option, struct error *err)
{
	if (!plan->mapping.single)
		return 0;
	return error_set(err, EOPNOTSUPP, "%s needs more ids than the one that you have: %s", option,
			 plan->mapping.reason);
}

static int share_container(struct store *store, const char *name, struct plan *plan, struct error *err)
{
	auto_container struct container *other = NULL;
	int r = container_find(store, name, &other, err);
	if (r < 0)
		return error_context(err, "--userns container:%s", name);
	free(plan->container->userns);
	plan->container->userns = xasprintf("container:%s", other->id);
	strv_add_all(&plan->container->uid_map, &other->uid_map);
	strv_add_all(&plan->container->gid_map, &other->gid_map);
	return 0;
}

/* The ids that the image's accounts, and the process, need. */
static uint32_t smallest_size(struct store *store, const struct create_options *options, const char *folder, const struct image *image)
{
	static const char *const names[] = {"passwd", "group"};
	int64_t size = 1024, id;
	for (size_t i = 0; i < 2; i++) {
		auto_free char *text = plan_account_file(store, folder, &image->layers, names[i]);
		for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
			char *at = strchr(line, ':');
			at = at ? strchr(at + 1, ':') : NULL;
			/* nobody, 65534, is nobody whether it is mapped or not */
			if (at && sscanf(at + 1, "%ld", &id) == 1 && id >= size && id < 65534)
				size = id + 1;
		}
	}
	if (options->user && sscanf(options->user, "%ld", &id) == 1 && id >= size && id < ID_MAX)
		size = id + 1;
	return (uint32_t)size;
}

static int choose(struct store *store, const struct create_options *options, const struct image *image,
		  struct plan *plan, struct error *err)
{
	const char *text = options->userns;
	struct container *container = plan->container;
	auto_free char *mode = xstrndup(text, strcspn(text, ":"));
	const char *rest = text[strlen(mode)] ? text + strlen(mode) + 1 : "";
	container->userns = xstrdup(text);
	int r;
	if (strcmp(text, "host") == 0)
		return 0;
	if (strcmp(mode, "keep-id") == 0)
		return keep_id(text, plan, err);
	if (strcmp(mode, "container") == 0 && *rest)
		return share_container(store, rest, plan, err);
	if (strcmp(mode, "ns") == 0 && *rest)
		return plan_user_namespace(rest, plan, NULL, NULL, err);
	if (strcmp(text, "nomap") != 0 && strcmp(mode, "auto") != 0)
		return error_set(err, EINVAL,
				 "--userns %s: there are host, keep-id[:uid=ID,gid=ID], nomap, auto[:size=…], "
				 "container:NAME and ns:PATH",
				 text);
	if ((r = need_ids(plan, "--userns", err)) < 0)
		return r;
	if (strcmp(mode, "auto") == 0)
		return plan_auto_ids(store, rest, smallest_size(store, options, plan->container->rootfs, image), plan, err);
	add_range(&container->uid_map, 0, 1, id_map_size(&plan->mapping.uids) - 1);
	add_range(&container->gid_map, 0, 1, id_map_size(&plan->mapping.gids) - 1);
	return 0;
}

/* --subuidname: newuidmap(1) gives a user no ids but his own, and has them under his own name. */
static int subordinate(const char *name, const char *option, uint32_t size, struct strv *map, struct error *err)
{
	auto_free char *passwd = NULL;
	CLEANUP(passwd_entry_free) struct passwd_entry entry = {0};
	if (file_read_at(AT_FDCWD, "/etc/passwd", 4 << 20, &passwd, NULL, NULL) == 0 &&
	    find_passwd(passwd, name, 0, &entry) && entry.uid != geteuid())
		return error_set(err, EPERM, "%s %s: newuidmap(1) gives you no ids but your own", option, name);
	auto_free char *number = xasprintf("%u", geteuid());
	const char *own = getenv("USER");
	if (!entry.name && strcmp(name, number) != 0 && (!own || strcmp(own, name) != 0))
		return error_set(err, EINVAL, "%s %s: there is no such user", option, name);
	add_range(map, 0, 1, size - 1);
	return 0;
}

static int map_by_hand(const struct create_options *options, struct plan *plan, struct error *err)
{
	struct strv *uids = &plan->container->uid_map, *gids = &plan->container->gid_map;
	int r = need_ids(plan,
			 options->uidmap.count   ? "--uidmap"
			 : options->gidmap.count ? "--gidmap"
						 : "--subuidname",
			 err);
	if (r < 0)
		return r;
	strv_add_all(uids, &options->uidmap);
	strv_add_all(gids, &options->gidmap);
	if (options->subuidname &&
	    (r = subordinate(options->subuidname, "--subuidname", id_map_size(&plan->mapping.uids), uids, err)) < 0)
		return r;
	if (options->subgidname &&
	    (r = subordinate(options->subgidname, "--subgidname", id_map_size(&plan->mapping.gids), gids, err)) < 0)
		return r;
	/* As podman does: what is given for one holds for the other. */
	if (!gids->count)
		strv_add_all(gids, uids);
	if (!uids->count)
		strv_add_all(uids, gids);
	return 0;
}

static int check(const struct plan *plan, struct error *err)
{
	struct id_map map;
	if (!plan->nested)
		return 0;
	if (id_map_compose(&plan->inner.uids, &plan->mapping.uids, &map) < 0 ||
	    id_map_compose(&plan->inner.gids, &plan->mapping.gids, &map) < 0)
		return error_set(err, EINVAL,
				 "the user namespace that was asked for has ids beyond those that you have: 0 to %u, "
				 "of which 0 is yourself (see `coracle info`)",
				 id_map_size(&plan->mapping.uids) - 1);
	if (id_map_outside(&plan->inner.uids, 0) < 0 || id_map_outside(&plan->inner.gids, 0) < 0)
		return error_set(
		    err, EINVAL,
		    "the user namespace that was asked for has no 0, to whom what is made for a container belongs");
	return 0;
}

int plan_userns(struct store *store, const struct create_options *options, const struct image *image, struct plan *plan,
		struct error *err)
{
	bool by_hand = options->uidmap.count || options->gidmap.count || options->subuidname || options->subgidname;
	int r = 0;
	if (by_hand && !text_is_empty(options->userns))
		return error_set(err, EINVAL, "--userns contradicts --uidmap, --gidmap, --subuidname and --subgidname");
	if ((options->subuidname && options->uidmap.count) || (options->subgidname && options->gidmap.count))
		return error_set(err, EINVAL, "--subuidname contradicts --uidmap, and --subgidname --gidmap");
	if (by_hand)
		r = map_by_hand(options, plan, err);
	else if (!text_is_empty(options->userns))
		r = choose(store, options, image, plan, err);
	if (r < 0 || text_starts_with(options->userns ? options->userns : "", "ns:"))
		return r < 0 ? r : check(plan, err);
	r = plan_read_nesting(plan, plan->container, err);
	return r < 0 ? r : check(plan, err);
}
