/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "libpod/container/root.h"
#include "libpod/launch/launch_internal.h"
#include "libpod/network/network.h"
#include "libpod/seccomp/seccomp.h"
#include "pkg/file/file.h"

static int load_seccomp(struct store *store, struct plan *plan, struct error *err)
{
	if (!plan->spec.has_seccomp || !plan->spec.seccomp)
		return 0;
	auto_close int cache = openat(store->root_fd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = seccomp_oci(cache, plan->spec.seccomp, &plan->seccomp, err);
	plan->has_seccomp = r == 0;
	return r;
}

int plan_reload(struct store *store, struct container *container, struct plan *ret, struct error *err)
{
	auto_plan struct plan plan = {0};
	auto_free char *text = NULL;
	size_t length;
	auto_close int dirfd = container_open(store, container->id, err);
	int r = dirfd;
	if (r < 0 || (r = file_read_at(dirfd, "config.json", SPEC_TEXT_MAX, &text, &length, err)) < 0 ||
	    (r = spec_read(text, length, "config.json", &plan.spec, err)) < 0 || (r = load_seccomp(store, &plan, err)) < 0 || (r = plan_read_nesting(&plan, container, err)) < 0 ||
	    (r = container_root_prepare(store, container, &plan.rootfs, err)) < 0)
		return error_context(err, "container %s", container->name);
	plan.rootfs.volatile_upper = container->remove;
	*ret = plan;
	plan = (struct plan){0};
	return 0;
}
