/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/plan/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libpod/network/network.h"
#include "libpod/plan/plan_internal.h"
#include "libpod/secret/secret.h"
#include "pkg/file/file.h"

#define LABEL_FILE_MAX (1 << 20)

void plan_free(struct plan *plan)
{
	spec_free(&plan->spec);
	container_freep(&plan->container);
	seccomp_filter_free(&plan->seccomp);
	strv_free(&plan->proc_options);
	rootfs_free(&plan->rootfs);
	free(plan->hosts);
	free(plan->resolv_conf);
	free(plan->names_id);
	for (size_t i = 0; i < plan->listen_count; i++)
		cleanup_close(&plan->listen_fds[i]);
	free(plan->listen_fds);
	for (size_t i = 0; i < plan->volumes_count; i++)
		volume_clear(&plan->volumes[i].volume);
	free(plan->volumes);
}

/* "KEY=value" or "KEY", whose value is "". */
static int add_label(const char *text, struct strv *labels, struct error *err)
{
	auto_free char *label = strchr(text, '=') ? xstrdup(text) : xasprintf("%s=", text);
	if (*label == '=')
		return error_set(err, EINVAL, "label \"%s\" has no name", text);
	strv_env_set(labels, label);
	return 0;
}

static int add_label_file(const char *path, struct strv *labels, struct error *err)
{
	auto_free char *text = NULL;
	int r = file_read_at(AT_FDCWD, path, LABEL_FILE_MAX, &text, NULL, err);
	if (r < 0)
		return error_context(err, "label file");
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#' && (r = add_label(line, labels, err)) < 0)
			return error_context(err, "label file %s", path);
	}
	return 0;
}

static int plan_labels(const struct create_options *options, struct json_object *image_config, struct container *container,
		       struct error *err)
{
	int r = json_get_map(image_config, "Labels", &container->labels, err);
	for (size_t i = 0; r >= 0 && i < options->label_files.count; i++)
		r = add_label_file(options->label_files.items[i], &container->labels, err);
	for (size_t i = 0; r >= 0 && i < options->labels.count; i++)
		r = add_label(options->labels.items[i], &container->labels, err);
	for (size_t i = 0; r >= 0 && i < options->annotations.count; i++)
		strv_env_set(&container->annotations, options->annotations.items[i]);
	return r < 0 ? r : 0;
}

static int check_addresses(const struct strv *addresses, const char *option, struct error *err)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (!addresses->items[i][0] || strspn(addresses->items[i], "0123456789abcdefABCDEF.:") != strlen(addresses->items[i]))
			return error_set(err, EINVAL, "%s %s: not an IP address", option, addresses->items[i]);
	return 0;
}

static int plan_names(const struct create_options *options, struct container *container, struct error *err)
{
	int r = check_addresses(&options->dns, "--dns", err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < options->add_hosts.count; i++) {
		const char *colon = strchr(options->add_hosts.items[i], ':');
		if (!colon || colon == options->add_hosts.items[i] || !colon[1])
			return error_set(err, EINVAL, "--add-host %s: give NAME:ADDRESS", options->add_hosts.items[i]);
	}
	strv_add_all(&container->dns, &options->dns);
	strv_add_all(&container->dns_search, &options->dns_search);
	strv_add_all(&container->dns_options, &options->dns_options);
	strv_add_all(&container->add_hosts, &options->add_hosts);
	return 0;
}

/* Whoever uses it later is in another directory: the monitor, a start from elsewhere. NULL stays NULL. */
static int absolute(const char *path, char **ret, struct error *err)
{
	if (!path || *path == '/') {
		*ret = path ? xstrdup(path) : NULL;
		return 0;
	}
	auto_free char *directory = getcwd(NULL, 0);
	if (!directory)
		return error_sys(err, errno, "find the working directory, for %s", path);
	*ret = xasprintf("%s/%s", directory, path);
	return 0;
}

static int plan_record(const struct create_options *options, const struct image *image, const char *image_name,
		       struct json_object *image_config, struct container *container, struct error *err)
{
	if (options->name) {
		int r = container_name_check(options->name, err);
		if (r < 0)
			return r;
		container->name = xstrdup(options->name);
	}
	container_random_id(container->id);
	container->image_id = xstrdup(image->id);
	container->image_name = xstrdup(container->rootfs ? "" : image_name);
	container->image_digest = image->manifest_digest ? xstrdup(image->manifest_digest) : NULL;
	strv_add_all(&container->layers, &image->layers);
	container->created_ns = time_now_ns();
	for (char *const *word = options->command_line; word && *word; word++)
		strv_add(&container->create_command, *word);
	container->remove = options->rm;
	container->terminal = options->terminal;
	container->open_stdin = options->interactive;
	container->stdin_once = options->interactive && !options->detach;
	container->init = options->init;
	container->detached = options->detach;
	container->detach_keys = options->detach_keys ? xstrdup(options->detach_keys) : NULL;
	int r = absolute(options->cidfile, &container->cid_file, err);
	if (r < 0 || (r = absolute(options->pidfile, &container->pid_file, err)) < 0 ||
	    (r = absolute(options->conmon_pidfile, &container->monitor_pid_file, err)) < 0)
		return r;
	struct json_object *healthcheck = NULL;
	if (json_get_object(image_config, "Healthcheck", &healthcheck, err) < 0)
		return -EINVAL;
	container->healthcheck = healthcheck ? json_object_get(healthcheck) : NULL;
	return 0;
}

/* Who has no NET_RAW may ping all the same, as in podman's and docker's containers. */
static void plan_sysctls(const struct create_options *options, struct plan *plan)
{
	static const char ping[] = "net.ipv4.ping_group_range";
	const char *network = plan->container->network;
	bool own = plan->spec.namespaces[SPEC_NS_NETWORK].present && !text_starts_with(network, "container:") &&
		   !strv_contains(&plan->proc_options, "subset=pid"); /* which has no /proc/sys */
	if (own && !strv_env_get(&options->sysctls, ping))
		strv_addf(&plan->spec.sysctl, "%s=0 0", ping);
	strv_add_all(&plan->spec.sysctl, &options->sysctls);
}

int plan_make(struct store *store, const struct create_options *options, const struct image *image, const char *image_name,
	      const struct strv *arguments, bool listen, struct plan *ret, struct error *err)
{
	auto_plan struct plan plan = {.container = container_new(), .rootfs = {.fuse_fd = -1, .mount_fd = -1}};
	spec_init(&plan.spec);
	struct container *container = plan.container;
	struct json_object *image_config = NULL;
	int r = json_get_object(image->config, "config", &image_config, err);
	if (r < 0 || (r = store_mapping(store, &plan.mapping, err)) < 0)
		return r;
	if ((options->rootfs && (r = plan_folder(image_name, container, err)) < 0) || (r = plan_userns(store, options, image, &plan, err)) < 0 ||
	    (r = plan_check_folder(&plan, err)) < 0)
		return r;
	char key[17];
	id_mapping_key(&plan.mapping, key);
	container->mapping_key = xstrdup(key);
	if ((r = plan_record(options, image, image_name, image_config, container, err)) < 0 ||
	    (r = plan_restart(options, container, err)) < 0 || (r = plan_requires(store, options, container, err)) < 0 || (r = plan_log(options, container, err)) < 0 ||
	    (r = plan_labels(options, image_config, container, err)) < 0 || (r = plan_names(options, container, err)) < 0 ||
	    (r = plan_namespaces(store, options, &plan, err)) < 0 ||
	    (r = plan_process(store, options, image, image_config, arguments, &plan, err)) < 0 ||
	    (r = plan_security(store, options, &plan, err)) < 0 || (r = plan_limits(options, &plan, err)) < 0 || (r = plan_ports(options, image_config, &plan, err)) < 0)
		return r;
	if (!options->no_hosts && (r = network_hosts(container, &plan.hosts, err)) < 0)
		return r;
	if ((r = network_resolv_conf(container, &plan.resolv_conf, err)) < 0 || (r = plan_mounts(store, options, image_config, &plan, err)) < 0)
		return r;
	for (size_t i = 0; i < options->secrets.count; i++)
		if ((r = secret_add_use(store, options->secrets.items[i], container, err)) < 0)
			return r;
	plan_sysctls(options, &plan);
	strv_add_all(&plan.spec.annotations, &container->annotations);
	if ((r = plan_set_mapping(&plan, &plan.mapping, err)) < 0 || (r = plan_reach(options, &plan, err)) < 0)
		return r;
	plan.spec.oci_version = xstrdup(OCI_VERSION);
	plan.spec.root_path = xasprintf("%s/mnt", store->root);
	if ((r = spec_validate(&plan.spec, err)) < 0)
		return r;
	if (listen && (r = network_listen(container, &plan.listen_fds, &plan.listen_count, err)) < 0)
		return r;
	*ret = plan;
	plan = (struct plan){0};
	return 0;
}
