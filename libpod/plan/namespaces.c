/* SPDX-License-Identifier: Apache-2.0 */
/* namespaces: which the container has to itself; --pid, --ipc, --uts, --cgroupns, --network, and its host name. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "libpod/network/network.h"
#include "libpod/plan/plan_internal.h"

/*
 * One of them: "private" (the default), "host", "ns:PATH", or "container:NAME", which is kept as "container:<id>" in *ret_kept: the
 * namespace itself is looked up at each start, because the other container may have been started anew by then.
 */
static int choose(struct store *store, enum spec_namespace kind, const char *option, const char *text, struct plan *plan,
		  char **ret_kept, struct error *err)
{
	struct spec_namespace_entry *entry = &plan->spec.namespaces[kind];
	if (text_is_empty(text) || strcmp(text, "private") == 0) {
		entry->present = true;
		return 0;
	}
	if (strcmp(text, "host") == 0) {
		*ret_kept = xstrdup(text);
		return 0;
	}
	if (text_starts_with(text, "ns:/")) {
		entry->present = true;
		*ret_kept = xstrdup(text);
		return 0;
	}
	if (text_starts_with(text, "container:")) {
		auto_container struct container *other = NULL;
		int r = container_find(store, text + strlen("container:"), &other, err);
		if (r < 0)
			return error_context(err, "%s %s", option, text);
		entry->present = true;
		*ret_kept = xasprintf("container:%s", other->id);
		return 0;
	}
	return error_set(err, EINVAL, "%s %s: give private, host, container:NAME or ns:/PATH", option, text);
}

static int host_name(const struct create_options *options, struct plan *plan, struct error *err)
{
	struct container *container = plan->container;
	bool own = !container->uts_mode; /* neither the host's nor another container's */
	if (options->hostname) {
		if (!own)
			return error_set(err, EINVAL, "--hostname needs a UTS namespace of the container's own, which --uts %s is not", options->uts);
		if (!*options->hostname || strlen(options->hostname) > HOST_NAME_MAX)
			return error_set(err, EINVAL, "--hostname must have 1 to %d characters", HOST_NAME_MAX);
		free(container->hostname);
		container->hostname = xstrdup(options->hostname);
	} else if (!own || strcmp(container->network, "host") == 0) {
		char name[HOST_NAME_MAX + 1] = "localhost";
		gethostname(name, sizeof(name) - 1);
		free(container->hostname);
		container->hostname = xstrdup(name);
	} else if (!container->hostname) {
		container->hostname = xstrndup(container->id, 12);
	}
	if (own)
		plan->spec.hostname = xstrdup(container->hostname);
	return 0;
}

/*
 * Who shares a network is known in it by the same names: the host name and the files that say them are those of the container that the network belongs to,
 * which may share another's itself. They are not changed from here.
 */
static int share_network(struct store *store, const struct create_options *options, struct plan *plan, struct error *err)
{
	struct container *container = plan->container;
	auto_container struct container *other = NULL;
	int r = container_find(store, container->network + strlen("container:"), &other, err);
	if (r < 0)
		return error_context(err, "--network %s", container->network);
	if (options->add_hosts.count || options->dns.count || options->dns_search.count || options->dns_options.count)
		return error_set(err, EINVAL, "--add-host and --dns… have no effect with --network container:%s, whose files are shared: give them to that container",
				 other->name);
	free(container->network);
	container->network = xasprintf("container:%s", other->id);
	while (text_starts_with(other->network, "container:")) {
		auto_container struct container *owner = NULL;
		if ((r = container_read(store, other->network + strlen("container:"), &owner, err)) < 0)
			return error_context(err, "--network container:%s, which shares another's", other->name);
		struct container *sharer = other;
		other = TAKE_PTR(owner);
		container_free(sharer);
	}
	plan->names_id = xstrdup(other->id);
	container->hostname = xstrdup(other->hostname);
	return 0;
}

/* As the others (of ns:PATH the kernel has no /dev/shm to find: the container gets one of its own); and "shareable", the default, "private", which no other container may share, and "none", which has no /dev/shm. */
static int choose_ipc(struct store *store, const char *text, struct plan *plan, struct error *err)
{
	struct container *container = plan->container;
	if (text && strcmp(text, "shareable") == 0)
		text = NULL;
	if (text && (strcmp(text, "none") == 0 || strcmp(text, "private") == 0)) {
		plan->spec.namespaces[SPEC_NS_IPC].present = true;
		container->ipc_mode = xstrdup(text);
		return 0;
	}
	int r = choose(store, SPEC_NS_IPC, "--ipc", text, plan, &container->ipc_mode, err);
	if (r < 0 || !container->ipc_mode || !text_starts_with(container->ipc_mode, "container:"))
		return r == -EINVAL && text && !text_starts_with(text, "container:")
			   ? error_set(err, EINVAL, "--ipc %s: give shareable, private, none, host, container:NAME or ns:/PATH", text)
			   : r;
	auto_container struct container *other = NULL;
	if ((r = container_read(store, container->ipc_mode + strlen("container:"), &other, err)) < 0)
		return r;
	if (other->ipc_mode && (strcmp(other->ipc_mode, "private") == 0 || strcmp(other->ipc_mode, "none") == 0))
		return error_set(err, EINVAL, "--ipc %s: that container was made with --ipc %s; make it with --ipc shareable", text, other->ipc_mode);
	return 0;
}

int plan_namespaces(struct store *store, const struct create_options *options, struct plan *plan, struct error *err)
{
	struct container *container = plan->container;
	struct spec_namespace_entry *namespaces = plan->spec.namespaces;
	namespaces[SPEC_NS_USER].present = true;
	namespaces[SPEC_NS_MOUNT].present = true;
	int r;
	if ((r = choose(store, SPEC_NS_PID, "--pid", options->pid, plan, &container->pid_mode, err)) < 0 ||
	    (r = choose_ipc(store, options->ipc, plan, err)) < 0 ||
	    (r = choose(store, SPEC_NS_UTS, "--uts", options->uts, plan, &container->uts_mode, err)) < 0 ||
	    (r = choose(store, SPEC_NS_CGROUP, "--cgroupns", options->cgroupns, plan, &container->cgroup_mode, err)) < 0)
		return r;
	if ((r = plan_networks(store, options, container, err)) < 0)
		return r;
	if (text_starts_with(container->network, "container:") && (r = share_network(store, options, plan, err)) < 0)
		return r;
	namespaces[SPEC_NS_NETWORK].present = strcmp(container->network, "host") != 0;
	return host_name(options, plan, err);
}
