/* SPDX-License-Identifier: Apache-2.0 */
/* security: capabilities, --security-opt, --privileged. The default capabilities are docker's; podman has them without AUDIT_WRITE, MKNOD and NET_RAW. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include <linux/capability.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/file/file.h"

#define PROFILE_MAX (4 << 20)
#define BIT(capability) (1ULL << (capability))

static const uint64_t default_capabilities = BIT(CAP_AUDIT_WRITE) | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) | BIT(CAP_KILL) |
					     BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETFCAP) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
					     BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);

static const char *const masked_paths[] = {
    "/proc/acpi",	"/proc/asound",	    "/proc/interrupts", "/proc/kcore",	 "/proc/keys",
    "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",	    "/proc/timer_list", "/proc/timer_stats",
    "/sys/dev/block",	"/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
};
static const char *const readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static uint64_t all_capabilities(void)
{
	uint64_t all = 0;
	for (int capability = 0; capability_name(capability); capability++)
		all |= BIT(capability);
	return all;
}

/* The capabilities named in a list; *ret_all is set by "all". */
static int named_capabilities(const struct strv *names, const char *option, uint64_t *ret_set, bool *ret_all, struct error *err)
{
	uint64_t set = 0;
	bool all = false;
	for (size_t i = 0; i < names->count; i++) {
		int capability = capability_from_name(names->items[i]);
		if (strcasecmp(names->items[i], "all") == 0)
			all = true;
		else if (capability < 0)
			return error_set(err, EINVAL, "%s %s: unknown capability; see capabilities(7)", option, names->items[i]);
		else
			set |= BIT(capability);
	}
	*ret_set = set;
	*ret_all = all;
	return 0;
}

int plan_capabilities(uint32_t uid, bool privileged, const struct strv *cap_add, const struct strv *cap_drop, struct spec_capabilities *ret,
		      struct error *err)
{
	uint64_t named = 0, dropped = 0;
	bool add_all = false, drop_all = false;
	int r;
	if ((r = named_capabilities(cap_add, "--cap-add", &named, &add_all, err)) < 0 ||
	    (r = named_capabilities(cap_drop, "--cap-drop", &dropped, &drop_all, err)) < 0)
		return r;
	uint64_t set = privileged || add_all ? all_capabilities() : default_capabilities;
	set = ((drop_all ? 0 : set) & ~dropped) | named;
	*ret = (struct spec_capabilities){.present = true, .bounding = set};
	if (uid == 0)
		ret->effective = ret->permitted = set;
	else /* As ambient they survive exec. docker's defaults it has not. */
		ret->effective = ret->permitted = ret->inheritable = ret->ambient = named;
	return 0;
}

struct confinement {
	bool mask_all_off;
	struct strv mask, unmask, proc_options;
	const char *seccomp; /* NULL: default; "unconfined"; a path */
};

static void confinement_free(struct confinement *confinement)
{
	strv_free(&confinement->mask);
	strv_free(&confinement->unmask);
	strv_free(&confinement->proc_options);
}

static bool has_apparmor(void)
{
	auto_free char *enabled = NULL;
	return file_read_at(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &enabled, NULL, NULL) == 0 && *enabled == 'Y';
}

static int security_option(const char *text, struct plan *plan, struct confinement *confinement, struct error *err)
{
	/* docker takes both "name=value" and the older "name:value". */
	size_t length = strcspn(text, "=:");
	auto_free char *name = xstrndup(text, length);
	const char *value = text[length] ? text + length + 1 : "";
	struct spec_process *process = &plan->spec.process;
	if (strcmp(name, "no-new-privileges") == 0) {
		process->no_new_privileges = true;
		return *value ? parse_bool(value, "--security-opt no-new-privileges", &process->no_new_privileges, err) : 0;
	}
	if (strcmp(name, "seccomp") == 0 && *value) {
		confinement->seccomp = value;
		return 0;
	}
	if (strcmp(name, "apparmor") == 0 && *value) {
		free(process->apparmor_profile);
		process->apparmor_profile = strcmp(value, "unconfined") == 0 ? NULL : xstrdup(value);
		if (process->apparmor_profile && !has_apparmor())
			return error_set(err, EOPNOTSUPP, "--security-opt apparmor=%s: this kernel confines no process by AppArmor; apparmor=unconfined is what holds", value);
		return 0;
	}
	if (strcmp(name, "label") == 0 && *value) {
		if (strcmp(value, "disable") == 0)
			return 0;
		return error_set(err, EOPNOTSUPP, "--security-opt label=%s: this kernel confines no process by SELinux labels; label=disable is what holds", value);
	}
	if (strcmp(name, "mask") == 0 && *value) {
		strv_split(&confinement->mask, value, ':');
		return 0;
	}
	if (strcmp(name, "unmask") == 0 && *value) {
		confinement->mask_all_off |= strcasecmp(value, "all") == 0;
		strv_split(&confinement->unmask, value, ':');
		return 0;
	}
	if (strcmp(name, "proc-opts") == 0 && *value) {
		strv_split(&confinement->proc_options, value, ',');
		return 0;
	}
	if (strcmp(name, "systempaths") == 0 && strcmp(value, "unconfined") == 0) {
		confinement->mask_all_off = true;
		return 0;
	}
	return error_set(err, EINVAL,
			 "--security-opt %s: unknown; there are no-new-privileges, seccomp=, apparmor=, label=, mask=, unmask=, proc-opts= and systempaths=unconfined",
			 text);
}

static int plan_seccomp(int cache_fd, const char *choice, struct plan *plan, struct error *err)
{
	uint64_t capabilities = plan->spec.process.capabilities.bounding;
	if (choice && strcmp(choice, "unconfined") == 0)
		return 0;
	int r;
	if (!choice) {
		r = seccomp_default(cache_fd, capabilities, &plan->seccomp, err);
	} else {
		auto_free char *text = NULL;
		r = file_read_at(AT_FDCWD, choice, PROFILE_MAX, &text, NULL, err);
		if (r >= 0)
			r = seccomp_profile(cache_fd, text, capabilities, &plan->seccomp, err);
		if (r < 0)
			return error_context(err, "--security-opt seccomp=%s", choice);
	}
	if (r < 0)
		return r;
	plan->has_seccomp = true;
	plan->spec.has_seccomp = true;
	plan->spec.seccomp = xstrdup(plan->seccomp.oci);
	return 0;
}

/* By name, or by a pattern as the shell has them. */
static bool is_unmasked(const struct confinement *confinement, const char *path)
{
	for (size_t i = 0; i < confinement->unmask.count; i++)
		if (fnmatch(confinement->unmask.items[i], path, FNM_PATHNAME) == 0)
			return true;
	return false;
}

static void plan_masks(const struct confinement *confinement, struct spec *spec)
{
	if (!confinement->mask_all_off) {
		for (size_t i = 0; i < ARRAY_SIZE(masked_paths); i++)
			if (!is_unmasked(confinement, masked_paths[i]))
				strv_add(&spec->masked_paths, masked_paths[i]);
		for (size_t i = 0; i < ARRAY_SIZE(readonly_paths); i++)
			if (!is_unmasked(confinement, readonly_paths[i]))
				strv_add(&spec->readonly_paths, readonly_paths[i]);
	}
	strv_add_all(&spec->masked_paths, &confinement->mask);
}

/* Mount options of /proc: what proc(5) has, and nothing that undoes the others. */
static int check_proc_options(const struct strv *options, struct error *err)
{
	for (size_t i = 0; i < options->count; i++)
		if (!text_starts_with(options->items[i], "hidepid=") && !text_starts_with(options->items[i], "gid=") && strcmp(options->items[i], "subset=pid") != 0)
			return error_set(err, EINVAL, "--security-opt proc-opts=%s: there are hidepid=, gid= and subset=pid (proc(5))", options->items[i]);
	return 0;
}

int plan_security(struct store *store, const struct create_options *options, struct plan *plan, struct error *err)
{
	CLEANUP(confinement_free) struct confinement confinement = {0};
	if (options->privileged) {
		confinement.mask_all_off = true;
		confinement.seccomp = "unconfined";
	}
	struct spec_process *process = &plan->spec.process;
	int r = plan_capabilities(process->uid, options->privileged, &options->cap_add, &options->cap_drop, &process->capabilities, err);
	for (size_t i = 0; r >= 0 && i < options->security_opts.count; i++)
		r = security_option(options->security_opts.items[i], plan, &confinement, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < confinement.mask.count; i++)
		if (confinement.mask.items[i][0] != '/')
			return error_set(err, EINVAL, "--security-opt mask=%s: not an absolute path", confinement.mask.items[i]);
	if ((r = check_proc_options(&confinement.proc_options, err)) < 0)
		return r;
	strv_add_all(&plan->proc_options, &confinement.proc_options);
	plan_masks(&confinement, &plan->spec);
	auto_close int cache_fd = openat(store->root_fd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if ((r = plan_seccomp(cache_fd, confinement.seccomp, plan, err)) < 0)
		return r;
	strv_add_all(&plan->container->security_options, &options->security_opts);
	strv_add_all(&plan->container->cap_add, &options->cap_add);
	strv_add_all(&plan->container->group_add, &options->group_add);
	strv_add_all(&plan->container->cap_drop, &options->cap_drop);
	plan->container->privileged = options->privileged;
	return 0;
}
