/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "libpod/container/dependencies.h"
#include "pkg/cleanup/cleanup.h"

static void add(struct strv *list, const char *id)
{
	if (!strv_contains(list, id))
		strv_add(list, id);
}

void container_dependencies(const struct container *container, struct strv *ret)
{
	const char *const modes[] = {container->network,  container->pid_mode,    container->ipc_mode,
				     container->uts_mode, container->cgroup_mode, container->userns};
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (modes[i] && text_starts_with(modes[i], "container:"))
			add(ret, modes[i] + strlen("container:"));
	for (size_t i = 0; i < container->requires.count; i++)
		add(ret, container->requires.items[i]);
}

/* All that there are, with what each needs. */
struct needs {
	struct strv ids;
	struct strv *needed; /* of each */
};

static void needs_free(struct needs *needs)
{
	for (size_t i = 0; i < needs->ids.count; i++)
		strv_free(&needs->needed[i]);
	free(needs->needed);
	strv_free(&needs->ids);
}

/* One that vanishes meanwhile, or cannot be read, needs nothing. */
static int read_needs(struct store *store, struct needs *ret, struct error *err)
{
	int r = container_ids(store, &ret->ids, err);
	if (r < 0)
		return r;
	ret->needed = xcalloc(ret->ids.count + 1, sizeof(*ret->needed));
	for (size_t i = 0; i < ret->ids.count; i++) {
		auto_container struct container *container = NULL;
		if (container_read(store, ret->ids.items[i], &container, NULL) == 0)
			container_dependencies(container, &ret->needed[i]);
	}
	return 0;
}

/* Each behind those that need it. A container can only need such as were there before it, so that there are no circles. */
static void add_dependents(const struct needs *needs, const char *id, struct strv *ret)
{
	for (size_t i = 0; i < needs->ids.count; i++) {
		if (!strv_contains(&needs->needed[i], id) || strv_contains(ret, needs->ids.items[i]))
			continue;
		add_dependents(needs, needs->ids.items[i], ret);
		add(ret, needs->ids.items[i]);
	}
}

int container_dependents(struct store *store, const char *id, struct strv *ret, struct error *err)
{
	CLEANUP(needs_free) struct needs needs = {0};
	int r = read_needs(store, &needs, err);
	if (r == 0)
		add_dependents(&needs, id, ret);
	return r;
}
