/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subordinate ids that are not what they were: an administrator has changed /etc/subuid, or a directory service gives
 * others. A container goes on with those that there are now; only its files that belonged to others than its root
 * belong to ids then that it does not have. That is said once, at the first start that finds it so, and the container's
 * records name the new ids from then on.
 */
#include <string.h>

#include "libpod/launch/launch_internal.h"
#include "pkg/file/file.h"
#include "pkg/message/message.h"

/* One that never ran has no files of its own. */
static bool has_run(int directory)
{
	struct container_state state;
	return container_state_read(directory, &state, NULL) == 0 && state.status != CONTAINER_CREATED;
}

static int record(int directory, const struct container *container, const struct plan *plan, struct error *err)
{
	auto_free char *config = spec_write(&plan->spec);
	int r = file_write_at(directory, "config.json", config, strlen(config), 0644, 0, err);
	return r < 0 ? r : container_write(directory, container, err);
}

int adopt_ids(struct store *store, struct container *container, const struct id_mapping *mapping, struct plan *plan,
	      struct error *err)
{
	char key[17];
	if (plan_has_mapping(plan, mapping)) {
		plan->mapping = *mapping;
		return 0;
	}
	auto_close int directory = container_open(store, container->id, err);
	if (directory < 0)
		return directory;
	if (has_run(directory) && !plan_keeps_owners(plan, mapping))
		message_warn("your subordinate ids have changed (/etc/subuid, /etc/subgid) since container %s was "
			     "made: files of it that are not its root's belong "
			     "to ids that it does not have any more",
			     container->name);
	int r = plan_set_mapping(plan, mapping, err);
	if (r < 0)
		return error_context(err, "container %s", container->name);
	id_mapping_key(mapping, key);
	free(container->mapping_key);
	container->mapping_key = xstrdup(key);
	return record(directory, container, plan, err);
}
