/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "storage/volume/internal.h"

struct measuring {
	const struct store *store;
	const char *name;
	int64_t *size; /* shared with the child that measures */
};

static int measure(void *data, struct error *err)
{
	const struct measuring *work = data;
	auto_free char *path = xasprintf(VOLUMES "/%s/" VOLUME_DATA, work->name);
	auto_close int fd = openat(work->store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open %s/%s", work->store->root, path) : tree_size(fd, work->size, err);
}

int volume_size(struct store *store, const char *name, int64_t *ret, struct error *err)
{
	int64_t *size = mmap(NULL, sizeof(*size), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (size == MAP_FAILED)
		return error_sys(err, errno, "get memory for the size of a volume");
	struct measuring work = {store, name, size};
	int r = measure(&work, err);
	if (r == -EACCES || r == -EPERM) {
		error_clear(err);
		r = store_run_mapped(store, measure, &work, err);
	}
	if (r == 0)
		*ret = *size;
	munmap(size, sizeof(*size));
	return r < 0 ? error_context(err, "measure volume %s", name) : 0;
}
