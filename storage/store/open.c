/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the store lies, and making it. The lock file is made last: where it is, everything is, so that opening a store
 * that is there costs two open(2), one access(2) and one statfs(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "storage/store/internal.h"

#define LOCK_NAME         "store.lock"
#define LOCK_NAME_VOLUMES "volumes.lock"

/* Root's, whose home and runtime directory cannot be entered by anybody else, so not by the root of its containers
 * either. */
#define ROOTS_DATA "/var/lib/coracle"
#define ROOTS_RUN  "/run/coracle"

/* Those that linux/magic.h does not have: their modules lie outside the kernel. */
#define LUSTRE_SUPER_MAGIC 0x0bd00bd0
#define GPFS_SUPER_MAGIC   0x47504653
#define BEEGFS_SUPER_MAGIC 0x19830326
#define PANFS_SUPER_MAGIC  0xaad7aaea

static bool is_network_file_system(unsigned long magic)
{
	switch (magic & 0xffffffff) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
	case AFS_FS_MAGIC:
	case CEPH_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
	case V9FS_MAGIC:
	case LUSTRE_SUPER_MAGIC:
	case GPFS_SUPER_MAGIC:
	case BEEGFS_SUPER_MAGIC:
	case PANFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static int absolute_path(const char *path, char **ret, struct error *err)
{
	if (path[0] == '/') {
		*ret = xstrdup(path);
		return 0;
	}
	auto_free char *directory = getcwd(NULL, 0);
	if (!directory)
		return error_sys(err, errno, "find the working directory");
	*ret = xasprintf("%s/%s", directory, path);
	return 0;
}

static int root_path(const char *root, char **ret, struct error *err)
{
	/* `coracle unshare` says where the store is of the user who is root there. */
	if (text_is_empty(root))
		root = getenv("CORACLE_ROOT");
	if (!text_is_empty(root))
		return absolute_path(root, ret, err);
	const char *data = getenv("XDG_DATA_HOME");
	if (data && data[0] == '/') {
		*ret = xasprintf("%s/coracle", data);
		return 0;
	}
	if (geteuid() == 0) {
		*ret = xstrdup(ROOTS_DATA);
		return 0;
	}
	const char *home = getenv("HOME");
	if (!home || home[0] != '/')
		return error_set(
		    err, ENOENT,
		    "HOME is not set, so there is no place for images and containers; set it, or give --root");
	*ret = xasprintf("%s/.local/share/coracle", home);
	return 0;
}

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_made(const char *path, struct error *err)
{
	int fd = open_directory(path);
	if (fd == -ENOENT) {
		/* See store_give(): the way to root's must be open to another. What lies in the store is not. */
		int r = mkdirs(path, geteuid() == 0 ? 0711 : 0700, err);
		if (r < 0)
			return r;
		fd = open_directory(path);
	}
	return fd < 0 ? error_sys(err, fd, "open %s", path) : fd;
}

/* A directory under /tmp, where anybody may have put anything under our name. */
static int open_private(const char *path, struct error *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make %s", path);
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, errno, "open %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return error_set(err, EPERM,
				 "%s is not a directory that only you can enter; remove it, or give --runroot", path);
	return TAKE_FD(fd);
}

static char *private_path(void)
{
	return xasprintf("/tmp/coracle-%u", (unsigned)geteuid());
}

/* XDG_RUNTIME_DIR may name a directory that is not there (su, cron, a batch job that inherited the variable) or not
 * ours (sudo -E). */
static char *runtime_path(void)
{
	if (geteuid() == 0)
		return xstrdup(ROOTS_RUN);
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	if (!runtime || runtime[0] != '/' || stat(runtime, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return NULL;
	return xasprintf("%s/coracle", runtime);
}

static int open_run(struct store *store, const char *run, struct error *err)
{
	int r = 0;
	if (text_is_empty(run))
		run = getenv("CORACLE_RUNROOT");
	if (!text_is_empty(run))
		r = absolute_path(run, &store->run, err);
	else
		store->run = runtime_path();
	if (r < 0)
		return r;
	if (store->run) {
		store->run_fd = open_made(store->run, err);
	} else {
		store->run = private_path();
		store->run_fd = open_private(store->run, err);
	}
	return store->run_fd < 0 ? store->run_fd : 0;
}

/* Locks of a store on a network file system: in a local directory that does not go at logout, apart for each store. */
static int open_locks(struct store *store, struct error *err)
{
	struct stat st;
	if (fstat(store->root_fd, &st) < 0)
		return error_sys(err, errno, "look at %s", store->root);
	auto_free char *base = private_path();
	auto_close int fd = open_private(base, err);
	if (fd < 0)
		return fd;
	auto_free char *path = xasprintf("%s/locks/%jx-%jx", base, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	store->lock_fd = open_made(path, err);
	return store->lock_fd < 0 ? store->lock_fd : 0;
}

static int make_directory(struct store *store, const char *name, struct error *err)
{
	if (mkdirat(store->root_fd, name, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make %s/%s", store->root, name);
	auto_close int fd = openat(store->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open %s/%s", store->root, name) : store_give(store, fd, err);
}

/* What is put into a store that lasts must not be lost with the way to it: the directories above that are ours may have
 * been made just now. */
static int sync_way(const char *path, struct error *err)
{
	auto_free char *above = xstrdup(path);
	for (char *slash; (slash = strrchr(above, '/')) && slash > above;) {
		struct stat st;
		*slash = '\0';
		auto_close int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid())
			return 0;
		if (fsync(fd) < 0)
			return error_sys(err, errno, "write %s to the disk", above);
	}
	return 0;
}

static int make_layout(struct store *store, struct error *err)
{
	/* The cache first: the others may need what is kept there. */
	static const char *const names[] = {"cache", "images", "refs", "layers", "containers",
					    "names", "mnt",    "tmp",  "trash"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int r = make_directory(store, names[i], err);
		if (r < 0)
			return r;
	}
	if (fsync(store->root_fd) < 0)
		return error_sys(err, errno, "write %s to the disk", store->root);
	int r = sync_way(store->root, err);
	if (r < 0)
		return r;
	auto_close int fd = lock_file_open(store->root_fd, LOCK_NAME, err);
	return fd < 0 ? fd : 0;
}

static int open_root(struct store *store, const char *root, struct error *err)
{
	int r = root_path(root, &store->root, err);
	if (r < 0)
		return r;
	store->root_fd = open_made(store->root, err);
	if (store->root_fd < 0)
		return store->root_fd;
	if (faccessat(store->root_fd, LOCK_NAME, F_OK, 0) < 0) {
		r = make_layout(store, err);
		if (r < 0)
			return r;
	}
	struct statfs fs;
	if (fstatfs(store->root_fd, &fs) < 0)
		return error_sys(err, errno, "look at the file system of %s", store->root);
	store->network_file_system = is_network_file_system((unsigned long)fs.f_type);
	return store->network_file_system ? open_locks(store, err) : 0;
}

int store_open(const char *root, const char *run, const char *driver, struct store **ret, struct error *err)
{
	auto_store struct store *store = xcalloc(1, sizeof(*store));
	store->root_fd = store->run_fd = store->lock_fd = -1;
	store->driver = driver ? xstrdup(driver) : NULL;
	int r = open_root(store, root, err);
	if (r == 0)
		r = open_run(store, run, err);
	if (r == 0)
		r = store_give(store, store->root_fd, err);
	if (r == 0)
		r = store_give(store, store->run_fd, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(store);
	return 0;
}

int store_open_settled(const char *root, const char *run, const char *driver, struct store **ret, struct error *err)
{
	auto_settings struct settings settings = {0};
	struct store *store = NULL;
	int r = settings_read(&settings, err);
	if (r == 0)
		r = store_open(root, run, driver ? driver : settings.driver, &store, err);
	if (!store)
		return r;
	store->settings = settings;
	settings = (struct settings){0};
	store_open_additional(store);
	*ret = store;
	return 0;
}

void store_free(struct store *store)
{
	cleanup_close(&store->root_fd);
	cleanup_close(&store->run_fd);
	cleanup_close(&store->lock_fd);
	free(store->root);
	free(store->run);
	free(store->driver);
	store_close_additional(store);
	for (size_t i = 0; i < store->held_count; i++) {
		close(store->held[i].fd);
		free(store->held[i].diff_id);
	}
	free(store->held);
	settings_free(&store->settings);
	free(store);
}

static int lock(struct store *store, const char *name, enum lock_mode mode, struct error *err)
{
	int dirfd = store->lock_fd >= 0 ? store->lock_fd : store->root_fd;
	auto_close int fd = lock_file_open(dirfd, name, err);
	if (fd < 0)
		return fd;
	int r = lock_take(fd, mode, err);
	return r < 0 ? error_context(err, "lock the store %s", store->root) : TAKE_FD(fd);
}

int store_lock(struct store *store, enum lock_mode mode, struct error *err)
{
	return lock(store, LOCK_NAME, mode, err);
}

int store_lock_volumes(struct store *store, enum lock_mode mode, struct error *err)
{
	return lock(store, LOCK_NAME_VOLUMES, mode, err);
}

int store_mapping(struct store *store, struct id_mapping *ret, struct error *err)
{
	auto_close int cache = openat(store->root_fd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return id_mapping_default(cache, false, ret, err);
}

bool store_mapping_refused(struct store *store, int result, struct id_mapping *mapping)
{
	struct id_mapping fresh;
	if (result != -EPERM || mapping->direct)
		return false;
	auto_close int cache = openat(store->root_fd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (id_mapping_default(cache, true, &fresh, NULL) < 0 || id_mapping_equal(&fresh, mapping))
		return false;
	*mapping = fresh;
	return true;
}

int store_give(struct store *store, int fd, struct error *err)
{
	struct stat st;
	if (geteuid() != 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "look at a directory of the store");
	if (st.st_uid != 0)
		return 0;
	struct id_mapping mapping;
	int r = store_mapping(store, &mapping, err);
	if (r < 0)
		return r;
	int64_t uid = id_map_outside(&mapping.uids, 0), gid = id_map_outside(&mapping.gids, 0);
	if (fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
		return error_sys(err, errno, "give a directory of the store to the root of containers");
	return 0;
}
