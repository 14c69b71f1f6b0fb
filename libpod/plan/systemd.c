/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd: --systemd. systemd is process 1 of its machine, and a container is one to it if it finds what it would have
 * made there itself: file systems in memory where it keeps what does not outlive it, a control group to divide, and
 * "container" in its environment; it ends by a signal of its own. What podman does, by podman-run(1); that page has
 * /var/lib/journal where podman, and systemd, have /var/log/journal, and a control group of version 1, which is not
 * here. The control group is made at each start, by libpod/launch.
 */
#include <errno.h>
#include <string.h>

#include "libpod/plan/plan_internal.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define UUID_LENGTH  32

static bool is_systemd(const char *program)
{
	static const char *const inits[] = {"/usr/sbin/init", "/sbin/init", "/usr/local/sbin/init"};
	const char *slash = strrchr(program, '/');
	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (strcmp(program, inits[i]) == 0)
			return true;
	return strcmp(slash ? slash + 1 : program, "systemd") == 0;
}

int plan_systemd(const struct create_options *options, struct plan *plan, struct error *err)
{
	const char *mode = options->systemd ? options->systemd : "true";
	const struct strv *args = &plan->spec.process.args;
	if (strcmp(mode, "false") == 0 || (strcmp(mode, "always") != 0 && !is_systemd(args->items[0])))
		return 0;
	/* An init in front of it: systemd would not be process 1. */
	if (options->init)
		return strcmp(mode, "always") == 0
			   ? error_set(err, EINVAL,
				       "--systemd always and --init contradict each other: systemd has to be process 1")
			   : 0;
	plan->container->systemd = true;
	return 0;
}

void plan_systemd_environment(struct plan *plan)
{
	struct strv *env = &plan->spec.process.env;
	if (plan->container->systemd && !strv_env_get(env, "container_uuid"))
		strv_addf(env, "container_uuid=%.*s", UUID_LENGTH, plan->container->id);
}

static bool is_mounted(const struct spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->mounts_count; i++)
		if (strcmp(spec->mounts[i].destination, destination) == 0)
			return true;
	return false;
}

void plan_systemd_mounts(struct plan *plan)
{
	static const struct {
		const char *path, *mode;
	} places[] = {
	    {"/run", "mode=755"}, {"/run/lock", "mode=1777"}, {"/tmp", "mode=1777"}, {"/var/log/journal", "mode=755"}};
	struct spec *spec = &plan->spec;
	if (!plan->container->systemd)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!is_mounted(spec, places[i].path))
			spec_add_mount(spec, places[i].path, "tmpfs", "tmpfs",
				       OPTIONS("rw", "rprivate", "nosuid", "nodev", "tmpcopyup", places[i].mode));
	/* Only what is the container's own: in the host's namespace it would be all that is the user's. */
	for (size_t i = 0; spec->namespaces[SPEC_NS_CGROUP].present && !spec->namespaces[SPEC_NS_CGROUP].path &&
			   i < spec->mounts_count;
	     i++) {
		struct spec_mount *mount = &spec->mounts[i];
		if (strcmp(mount->destination, "/sys/fs/cgroup") != 0 || strcmp(mount->type, "cgroup") != 0)
			continue;
		strv_clear(&mount->options);
		for (const char *const *option = OPTIONS("rw", "rprivate", "nosuid", "noexec", "nodev", "relatime");
		     *option; option++)
			strv_add(&mount->options, *option);
	}
}
