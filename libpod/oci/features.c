/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>

#include "libpod/oci/oci.h"
#include "libpod/runtime/runtime.h"

static struct json_object *add_object(struct json_object *object, const char *key)
{
	struct json_object *member = json_object_new_object();
	json_object_object_add(object, key, member);
	return member;
}

static void add_names(struct json_object *object, const char *key, const char *const *names)
{
	auto_strv struct strv list = STRV_INIT;
	for (; *names; names++)
		strv_add(&list, *names);
	json_add_strv(object, key, &list);
}

static void add_seccomp(struct json_object *linux_features)
{
	static const char *const actions[] = {"SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
					      "SCMP_ACT_TRAP",  "SCMP_ACT_ERRNO",        "SCMP_ACT_TRACE",
					      "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",          NULL};
	static const char *const operators[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",        "SCMP_CMP_EQ",
						"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL};
	static const char *const flags[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					    "SECCOMP_FILTER_FLAG_SPEC_ALLOW", NULL};
	static const char *const architectures[] = {"SCMP_ARCH_X86", "SCMP_ARCH_X86_64",  "SCMP_ARCH_X32",
						    "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", NULL};
	struct json_object *seccomp = add_object(linux_features, "seccomp");
	json_add_bool(seccomp, "enabled", true);
	add_names(seccomp, "actions", actions);
	add_names(seccomp, "operators", operators);
	add_names(seccomp, "archs", architectures);
	add_names(seccomp, "knownFlags", flags);
	add_names(seccomp, "supportedFlags", flags);
}

static void add_linux(struct json_object *features)
{
	struct json_object *object = add_object(features, "linux");
	auto_strv struct strv namespaces = STRV_INIT;
	auto_strv struct strv capabilities = STRV_INIT;
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		strv_add(&namespaces, namespace_name((enum spec_namespace)i));
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		strv_add(&capabilities, capability_name(i));
	json_add_strv(object, "namespaces", &namespaces);
	json_add_strv(object, "capabilities", &capabilities);
	struct json_object *cgroup = add_object(object, "cgroup");
	json_add_bool(cgroup, "v1", false);
	json_add_bool(cgroup, "v2", true);
	json_add_bool(cgroup, "systemd", false);
	json_add_bool(cgroup, "systemdUser", false);
	add_seccomp(object);
	json_add_bool(add_object(object, "apparmor"), "enabled", true);
	json_add_bool(add_object(object, "selinux"), "enabled", true);
	json_add_bool(add_object(object, "intelRdt"), "enabled", false);
	json_add_bool(add_object(add_object(object, "mountExtensions"), "idmap"), "enabled", false);
}

char *oci_features(void)
{
	auto_json struct json_object *features = json_object_new_object();
	auto_strv struct strv hooks = STRV_INIT;
	auto_strv struct strv options = STRV_INIT;
	json_add_string(features, "ociVersionMin", "1.0.0");
	json_add_string(features, "ociVersionMax", OCI_VERSION);
	for (int i = 0; i < SPEC_HOOK_COUNT; i++)
		strv_add(&hooks, hook_name((enum spec_hook_kind)i));
	json_add_strv(features, "hooks", &hooks);
	runtime_mount_options(&options);
	json_add_strv(features, "mountOptions", &options);
	add_linux(features);
	return json_text(features, true);
}
