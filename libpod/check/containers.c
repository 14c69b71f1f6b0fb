/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/check/check.h"
#include "libpod/container/container.h"
#include "libpod/container/name.h"
#include "libpod/container/root.h"
#include "libpod/spec/spec.h"
#include "pkg/file/file.h"
#include "storage/driver/driver.h"
#include "storage/layer/layer.h"

#define AGAIN_US   100000

struct container_check {
	struct check *check;
	const struct container *container;
	char subject[40];
	int fd;
	bool damaged;
};

static void found_damage(struct container_check *work, const char *text)
{
	work->damaged = true;
	check_found(work->check, CHECK_LOST, work->subject, "%s", text);
}

/* ---- what it is made of ---- */
static void check_folder_of(struct container_check *work)
{
	struct stat st;
	if (stat(work->container->rootfs, &st) == 0 && S_ISDIR(st.st_mode))
		return;
	auto_free char *text = xasprintf("the folder %s that it was made of is not there", work->container->rootfs);
	check_found(work->check, CHECK_WRONG, work->subject, "%s", text);
}

static void check_image_of(struct container_check *work)
{
	if (work->container->rootfs) {
		check_folder_of(work);
		return;
	}
	auto_free char *path = xasprintf("images/%s", work->container->image_id);
	if (faccessat(store_find(work->check->store, path).fd, path, F_OK, 0) == 0)
		return;
	auto_free char *text = xasprintf("its image %.12s is not there", work->container->image_id);
	found_damage(work, text);
}

static void check_layers_of(struct container_check *work)
{
	const struct strv *layers = &work->container->layers;
	for (size_t i = 0; i < layers->count; i++) {
		auto_free char *path = NULL;
		bool there = layer_tree_path(work->check->store, layers->items[i], &path, NULL) == 0;
		if (there && !strv_contains(&work->check->damaged_layers, layers->items[i]))
			continue;
		auto_free char *text = xasprintf("its layer %.12s is %s; load or pull its image again", strchr(layers->items[i], ':') + 1,
						 there ? "damaged" : "not there");
		found_damage(work, text);
	}
}

static void check_mapping(struct container_check *work)
{
	char key[17];
	id_mapping_key(&work->check->mapping, key);
	if (work->container->mapping_key && strcmp(work->container->mapping_key, key) != 0)
		found_damage(work, "its files belong to other subordinate ids than this user has now");
}

static void check_driver(struct container_check *work)
{
	const char *driver = work->container->driver ? work->container->driver : "";
	if (container_root_in_place(work->container))
		return;
	bool copy = strcmp(driver, driver_name(DRIVER_VFS)) == 0;
	if (!copy && strcmp(driver, driver_name(DRIVER_OVERLAY)) != 0 && strcmp(driver, driver_name(DRIVER_FUSE_OVERLAYFS)) != 0) {
		found_damage(work, "its storage driver is one that is not known");
		return;
	}
	const char *const directories[] = {copy ? "rootfs" : "upper", copy ? NULL : "work"};
	for (size_t i = 0; i < ARRAY_SIZE(directories) && directories[i]; i++) {
		struct stat st;
		if (fstatat(work->fd, directories[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			continue;
		auto_free char *text = xasprintf("%s/, where its files are, is not there", directories[i]);
		found_damage(work, text);
	}
}

static void check_config(struct container_check *work)
{
	auto_free char *data = NULL;
	auto_spec struct spec spec = {0};
	size_t length;
	struct error err = ERROR_INIT;
	if (file_read_at(work->fd, "config.json", SPEC_TEXT_MAX, &data, &length, &err) == 0 &&
	    spec_read(data, length, "config.json", &spec, &err) == 0)
		return;
	found_damage(work, err.text);
}

/* ---- its name ---- */
static bool name_leads_here(struct store *store, const struct container *container)
{
	char owner[65];
	return name_resolve(store->root_fd, container->name, owner) == 0 && strcmp(owner, container->id) == 0;
}

/* It gets its name again, or another one when somebody else has it now. */
static int mend_name(struct store *store, struct container *container, struct error *err)
{
	int r = name_reserve(store, container->name, container->id, err);
	if (r != -EEXIST)
		return r;
	error_clear(err);
	auto_free char *name = container_random_name();
	return container_rename(store, container, name, err);
}

static void check_name(struct check *check, struct container *container, const char *subject)
{
	struct error err = ERROR_INIT;
	if (name_leads_here(check->store, container))
		return;
	auto_free char *name = xstrdup(container->name);
	bool mended = check->repair && mend_name(check->store, container, &err) == 0;
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject, "its name %s does not lead to it%s%s", name,
		    err.text[0] ? "; " : "", err.text);
}

/* ---- all of them ---- */
static bool is_busy(struct store *store, const char *id)
{
	auto_close int lock = container_lock_open(store, id, NULL);
	return lock >= 0 && lock_is_held(lock) == 1;
}

static void look_at(struct check *check, const char *id, struct strv *ret_damaged, struct strv *ret_layers)
{
	struct container_check work = {.check = check};
	auto_container struct container *container = NULL;
	struct container_state state;
	struct error unread = ERROR_INIT;
	snprintf(work.subject, sizeof(work.subject), "container %.12s", id);
	auto_close int fd = container_open(check->store, id, NULL);
	if (fd < 0)
		return; /* just removed */
	int r = container_read(check->store, id, &container, &unread);
	if (r == 0 && is_busy(check->store, id)) {
		strv_add_all(ret_layers, &container->layers);
		return;
	}
	if (r == 0)
		r = container_state(check->store, id, &state, &unread);
	if (r < 0 && faccessat(fd, "lock", F_OK, 0) < 0 && check->store->lock_fd < 0)
		return;
	if (r < 0) {
		found_damage(&work, unread.text);
		strv_add(ret_damaged, id);
		return;
	}
	work.container = container;
	work.fd = fd;
	strv_add_all(ret_layers, &container->layers);
	check_image_of(&work);
	check_layers_of(&work);
	check_driver(&work);
	check_config(&work);
	check_mapping(&work);
	check_name(check, container, work.subject);
	if (work.damaged)
		strv_add(ret_damaged, id);
}

/* What is being removed while it is looked at seems to have lost things: a finding is one when a second look, a moment later, has it too. */
static void check_container(struct check *check, const char *id, struct strv *ret_damaged, struct strv *ret_layers)
{
	struct check_counts counts = {0};
	struct check silent = *check;
	auto_strv struct strv damaged = STRV_INIT;
	check_silently(&silent, &counts);
	silent.repair = false;
	look_at(&silent, id, &damaged, ret_layers);
	if (atomic_load(&counts.wrong) == 0)
		return;
	usleep(AGAIN_US);
	/* Its layers, too, may be known only now; to have them twice does not matter, to miss them would make them left over. */
	look_at(check, id, ret_damaged, ret_layers);
}

int check_containers(struct check *check, struct strv *ret_damaged, struct strv *ret_layers, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(check->store, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.count; i++)
		check_container(check, ids.items[i], ret_damaged, ret_layers);
	return r;
}
