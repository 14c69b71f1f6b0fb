/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/create/create.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "libpod/container/root.h"
#include "libpod/control/control.h"
#include "libpod/create/internal.h"
#include "libpod/secret/secret.h"
#include "pkg/file/file.h"
#include "pkg/message/message.h"
#include "pkg/process/process.h"

/* In a stage nobody reads yet: no temporary names are needed, and no syncing (a container that is only being made may be lost with the power). */
static int stage_write(int dirfd, const char *name, const char *text, struct error *err)
{
	auto_close int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	/* Whatever the umask: in the container these are everybody's to read. */
	int r = fd < 0 || fchmod(fd, 0644) < 0 ? -errno : write_all(fd, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write %s of the container", name) : 0;
}

static int stage_contents(struct store *store, const struct plan *plan, int dirfd, struct error *err)
{
	auto_free char *config = spec_write(&plan->spec);
	auto_free char *hostname = xasprintf("%s\n", plan->container->hostname);
	if (strlen(config) > SPEC_TEXT_MAX)
		return error_set(err, E2BIG, "the command, the environment and the annotations are too long: as JSON they may have %d bytes", SPEC_TEXT_MAX);
	if (mkdirat(dirfd, "etc", 0755) < 0)
		return error_sys(err, errno, "make a directory of the container");
	int r;
	if ((r = stage_write(dirfd, "config.json", config, err)) < 0 || (r = stage_write(dirfd, "etc/hostname", hostname, err)) < 0 ||
	    (plan->hosts && (r = stage_write(dirfd, "etc/hosts", plan->hosts, err)) < 0) ||
	    (plan->resolv_conf && (r = stage_write(dirfd, "etc/resolv.conf", plan->resolv_conf, err)) < 0))
		return r;
	return secret_copy_all(store, plan->container, dirfd, err);
}

/* --replace: the name is to be free. It is taken from the old one only when all that can be wrong with the new one has been found. */
static int remove_namesake(struct store *store, const char *name, struct error *err)
{
	auto_container struct container *old = NULL;
	int r = container_find(store, name, &old, NULL);
	/* An id, or the start of one, is no namesake. */
	if (r < 0 || strcmp(old->name, name) != 0)
		return 0;
	return control_remove(store, old, true, CONTROL_OWN_TIMEOUT, err);
}

/* Reserves --cidfile: it must be new, so that it never names another container than the caller believes. */
static int open_cid_file(const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, EEXIST, "--cidfile %s is there already; remove it if its container is gone", path);
	return fd < 0 ? error_sys(err, errno, "--cidfile %s", path) : fd;
}

static int place(struct store *store, struct plan *plan, struct error *err)
{
	enum driver driver;
	int r = driver_choose(store, &driver, NULL, err);
	if (container_root_in_place(plan->container))
		driver = DRIVER_VFS;
	else if (r == 0)
		r = plan_moves_ids(plan) ? driver_choose_moving(store, &driver, err)
					 : driver_for_layers(store, &plan->container->layers, &driver, err);
	if (r < 0)
		return r;
	struct container *container = plan->container;
	container->driver = xstrdup(driver_name(driver));
	auto_stage struct stage stage = STAGE_INIT;
	if ((r = store_stage(store, &stage, err)) < 0 || (r = stage_contents(store, plan, stage.fd, err)) < 0 ||
	    (r = create_volumes(store, plan, stage.fd, err)) < 0)
		return r;
	if ((r = container_place(store, &stage, container, err)) < 0) {
		create_forget_volumes(store, plan);
		return r;
	}
	r = container_root_prepare(store, container, &plan->rootfs, err);
	if (r < 0)
		container_remove(store, container->id, NULL);
	else
		plan->rootfs.volatile_upper = container->remove;
	return r;
}

/* What stands for an image where there is a folder instead: no layers, and a configuration that says nothing. */
static struct image *folder_image(void)
{
	struct image *image = xcalloc(1, sizeof(*image));
	image->config = json_object_new_object();
	return image;
}

static bool can_run(const struct platform *host, const char *architecture)
{
	return strcmp(architecture, host->architecture) == 0 || (strcmp(architecture, "386") == 0 && strcmp(host->architecture, "amd64") == 0) ||
	       (strcmp(architecture, "arm") == 0 && strcmp(host->architecture, "arm64") == 0);
}

/* Such an image may run all the same, by an emulator that the kernel knows, so this is no error; but without one it ends with "exec format error". */
static void warn_of_platform(const struct create_options *options, const struct image *image, const char *name)
{
	struct platform host;
	platform_host(&host);
	if (options->platform || options->arch || options->os || !image->architecture || !image->os || !*image->architecture || !*image->os)
		return;
	if (strcmp(image->os, host.os) != 0 || !can_run(&host, image->architecture))
		message_warn("image %s is for %s/%s, and this machine is %s/%s", name, image->os, image->architecture, host.os, host.architecture);
}

int create_container(struct store *store, const struct create_options *options, const char *image_name, const struct strv *arguments,
		     bool listen, struct plan *ret, struct error *err)
{
	/* Held until the container's own record keeps the image's layers, and its volumes, in use. */
	auto_close int lock = store_lock(store, LOCK_MODE_SHARED, err);
	auto_close int volumes_lock = lock < 0 ? lock : store_lock_volumes(store, LOCK_MODE_SHARED, err);
	if (volumes_lock < 0)
		return volumes_lock;
	auto_image struct image *image = NULL;
	auto_free char *full_name = NULL;
	int r = 0;
	if (options->rootfs)
		image = folder_image();
	else
		r = image_find_to_run(store, image_name, &image, &full_name, err);
	if (r < 0)
		return r;
	if (full_name)
		warn_of_platform(options, image, full_name);
	auto_plan struct plan plan = {0};
	auto_close int ids_lock = -1;
	if (options->userns && text_starts_with(options->userns, "auto") && (r = ids_lock = plan_lock_ids(store, err)) < 0)
		return r;
	if ((r = plan_make(store, options, image, options->rootfs ? image_name : full_name, arguments, listen, &plan, err)) < 0)
		return r;
	if (options->replace && (r = remove_namesake(store, options->name, err)) < 0)
		return r;
	auto_close int cid_fd = -1;
	if (options->cidfile && (r = cid_fd = open_cid_file(options->cidfile, err)) < 0)
		return r;
	/* From here on there is something that would be left. */
	if (options->held)
		signals_hold(options->held);
	r = place(store, &plan, err);
	if (r >= 0 && cid_fd >= 0 && (r = write_all(cid_fd, plan.container->id, strlen(plan.container->id))) < 0) {
		error_sys(err, r, "--cidfile %s", options->cidfile);
		container_remove(store, plan.container->id, NULL);
	}
	if (r < 0) {
		if (cid_fd >= 0)
			unlink(options->cidfile);
		return r;
	}
	*ret = plan;
	plan = (struct plan){0};
	return 0;
}
