/* SPDX-License-Identifier: Apache-2.0 */
/* policy: --restart, --requires, --log-driver and --log-opt, limits. */
#include <errno.h>
#include <string.h>

#include "libpod/plan/plan_internal.h"

/* "no", "always", "unless-stopped", "on-failure[:N]" */
int plan_restart(const struct create_options *options, struct container *container, struct error *err)
{
	const char *text = text_is_empty(options->restart) ? "no" : options->restart;
	auto_free char *policy = xstrndup(text, strcspn(text, ":"));
	bool on_failure = strcmp(policy, "on-failure") == 0;
	if (!on_failure && strcmp(policy, "no") != 0 && strcmp(policy, "always") != 0 && strcmp(policy, "unless-stopped") != 0)
		return error_set(err, EINVAL, "--restart %s: give no, always, unless-stopped or on-failure[:TIMES]", text);
	if (strchr(text, ':')) {
		if (!on_failure)
			return error_set(err, EINVAL, "--restart %s: only on-failure takes a number of times", text);
		int r = parse_int64(strchr(text, ':') + 1, "--restart on-failure", 0, INT32_MAX, &container->restart_max, err);
		if (r < 0)
			return r;
	}
	if (options->rm && strcmp(policy, "no") != 0)
		return error_set(err, EINVAL, "--rm and --restart %s contradict each other", text);
	container->restart_policy = TAKE_PTR(policy);
	return 0;
}

int plan_requires(struct store *store, const struct create_options *options, struct container *container, struct error *err)
{
	for (size_t i = 0; i < options->requires.count; i++) {
		auto_container struct container *other = NULL;
		int r = container_find(store, options->requires.items[i], &other, err);
		if (r < 0)
			return error_context(err, "--requires");
		if (!strv_contains(&container->requires, other->id))
			strv_add(&container->requires, other->id);
	}
	return 0;
}

int plan_log(const struct create_options *options, struct container *container, struct error *err)
{
	const char *driver = text_is_empty(options->log_driver) ? "json-file" : options->log_driver;
	/* podman's name of its own file format; what it writes and what reads it is this format here. */
	if (strcmp(driver, "k8s-file") == 0)
		driver = "json-file";
	if (strcmp(driver, "json-file") != 0 && strcmp(driver, "none") != 0)
		return error_set(err, EINVAL, "--log-driver %s: there are json-file and none", driver);
	container->log_driver = xstrdup(driver);
	container->log_max_files = 1;
	for (size_t i = 0; i < options->log_opts.count; i++) {
		const char *option = options->log_opts.items[i];
		int r;
		if (text_starts_with(option, "max-size="))
			r = parse_size(option + strlen("max-size="), "--log-opt max-size", &container->log_max_size, err);
		else if (text_starts_with(option, "max-file="))
			r = parse_int64(option + strlen("max-file="), "--log-opt max-file", 1, 1000, &container->log_max_files, err);
		else
			r = error_set(err, EINVAL, "--log-opt %s: there are max-size= and max-file=", option);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_limits(const struct create_options *options, struct plan *plan, struct error *err)
{
	struct container *container = plan->container;
	int r = limits_from_options(&options->limits, &plan->spec.resources, err);
	if (r < 0)
		return r;
	bool none = options->cgroups && strcmp(options->cgroups, "disabled") == 0;
	if (none && limits_are_set(plan->spec.resources))
		return error_set(err, EINVAL, "--cgroups disabled leaves nothing that could hold the limits that were asked for");
	if (options->cgroup_parent && options->cgroups && strcmp(options->cgroups, "enabled") != 0)
		return error_set(err, EINVAL, "--cgroup-parent and --cgroups %s contradict each other", options->cgroups);
	container->cgroups = options->cgroups ? xstrdup(options->cgroups) : NULL;
	container->cgroup_parent = options->cgroup_parent ? xstrdup(options->cgroup_parent) : NULL;
	container->cgroup_manager = options->cgroup_manager ? xstrdup(options->cgroup_manager) : NULL;
	return 0;
}
