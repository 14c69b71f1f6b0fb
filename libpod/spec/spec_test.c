/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/spec/spec.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static const char full[] =
    "{\"ociVersion\":\"1.0.2\",\"unknown\":{\"x\":1},"
    "\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
    "\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[5,6]},\"args\":[\"sh\",\"-c\",\"true\"],"
    "\"env\":[\"A=b\"],\"cwd\":\"/tmp\",\"noNewPrivileges\":true,\"oomScoreAdj\":100,"
    "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"]},"
    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1024,\"hard\":18446744073709551615}]},"
    "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\","
    "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\"]},"
    "{\"destination\":\"/data\",\"source\":\"/srv\",\"options\":[\"rbind\",\"ro\"]}],"
    "\"hooks\":{\"poststop\":[{\"path\":\"/bin/x\",\"args\":[\"x\",\"y\"],\"env\":[\"K=v\"],\"timeout\":3}]},"
    "\"annotations\":{\"a\":\"b\"},"
    "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"uts\"},{\"type\":\"user\"},"
    "{\"type\":\"network\",\"path\":\"/proc/1/ns/net\"},{\"type\":\"time\"}],"
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
    "\"devices\":[{\"path\":\"/dev/"
    "fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438,\"uid\":0,\"gid\":0}],"
    "\"resources\":{\"pids\":{\"limit\":10}},\"cgroupsPath\":\"/a\",\"rootfsPropagation\":\"slave\","
    "\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
    "\"timeOffsets\":{\"monotonic\":{\"secs\":5},\"boottime\":{\"secs\":-7}},"
    "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}";

static void check_full(const struct spec *spec)
{
	const struct spec_process *process = &spec->process;
	assert_string_equal(spec->oci_version, "1.0.2");
	assert_true(process->present && process->terminal && process->no_new_privileges);
	assert_int_equal(process->rows, 24);
	assert_int_equal(process->columns, 80);
	assert_int_equal(process->uid, 1);
	assert_int_equal(process->gid, 2);
	assert_int_equal(process->umask, 022);
	assert_int_equal(process->additional_gids_count, 2);
	assert_int_equal(process->additional_gids[1], 6);
	assert_int_equal(process->args.count, 3);
	assert_string_equal(process->env.items[0], "A=b");
	assert_string_equal(process->cwd, "/tmp");
	assert_true(process->has_oom_score_adj);
	assert_int_equal(process->oom_score_adj, 100);
	assert_true(process->capabilities.present);
	assert_int_equal(process->capabilities.bounding, 1ULL << CAP_CHOWN | 1ULL << CAP_KILL);
	assert_int_equal(process->capabilities.effective, 1ULL << CAP_KILL);
	assert_int_equal(process->rlimits_count, 1);
	assert_int_equal(process->rlimits[0].resource, RLIMIT_NOFILE);
	assert_true(process->rlimits[0].hard == UINT64_MAX);
	assert_string_equal(spec->root_path, "rootfs");
	assert_true(spec->root_readonly);
	assert_string_equal(spec->hostname, "h");
	assert_null(spec->domainname);
	assert_int_equal(spec->mounts_count, 2);
	assert_null(spec->mounts[1].type);
	assert_string_equal(spec->mounts[1].options.items[1], "ro");
	assert_int_equal(spec->hooks[SPEC_HOOK_POSTSTOP].count, 1);
	assert_int_equal(spec->hooks[SPEC_HOOK_POSTSTOP].items[0].timeout, 3);
	assert_string_equal(spec->annotations.items[0], "a=b");
	assert_true(spec->namespaces[SPEC_NS_MOUNT].present);
	assert_false(spec->namespaces[SPEC_NS_IPC].present);
	assert_string_equal(spec->namespaces[SPEC_NS_NETWORK].path, "/proc/1/ns/net");
	assert_int_equal(spec->uid_mappings[0].host_id, 1000);
	assert_int_equal(spec->devices[0].minor, 229);
	assert_int_equal(spec->devices[0].mode, 0666);
	assert_string_equal(spec->rootfs_propagation, "slave");
	assert_string_equal(spec->masked_paths.items[0], "/proc/kcore");
	assert_string_equal(spec->readonly_paths.items[0], "/proc/sys");
	assert_string_equal(spec->sysctl.items[0], "net.ipv4.ip_forward=1");
	assert_int_equal(spec->time_offset_monotonic_s, 5);
	assert_int_equal(spec->time_offset_boottime_s, -7);
	assert_true(spec->has_seccomp);
	assert_string_equal(spec->seccomp, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	assert_non_null(spec->resources);
}

static void test_reads_everything_and_writes_it_back(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	auto_spec struct spec first, second;
	spec_init(&first);
	spec_init(&second);
	assert_int_equal(spec_read(full, strlen(full), "config.json", &first, &err), 0);
	check_full(&first);
	assert_int_equal(spec_validate(&first, &err), 0);
	auto_free char *text = spec_write(&first);
	if (spec_read(text, strlen(text), "config.json", &second, &err) < 0)
		fail_msg("%s", err.text);
	check_full(&second);
	auto_free char *again = spec_write(&second);
	assert_string_equal(text, again);
}

/* `full` with `from` replaced by `to`, read and validated: the error text must hold `expected`. */
static void check_refused(const char *from, const char *to, const char *expected)
{
	const char *at = strstr(full, from);
	assert_non_null(at);
	auto_free char *text = xasprintf("%.*s%s%s", (int)(at - full), full, to, at + strlen(from));
	struct error err = ERROR_INIT;
	auto_spec struct spec spec;
	spec_init(&spec);
	int r = spec_read(text, strlen(text), "config.json", &spec, &err);
	if (r == 0)
		r = spec_validate(&spec, &err);
	assert_true(r < 0);
	if (!strstr(err.text, expected))
		fail_msg("'%s' is not in '%s'", expected, err.text);
}

static void test_errors_name_the_member(void **state)
{
	(void)state;
	check_refused("\"1.0.2\"", "\"2.0\"", "ociVersion");
	check_refused("\"cwd\":\"/tmp\"", "\"cwd\":\"tmp\"", "process.cwd");
	check_refused("\"cwd\":\"/tmp\",", "", "process: cwd is missing");
	check_refused("\"args\":[\"sh\",\"-c\",\"true\"]", "\"args\":[]", "process.args");
	check_refused("\"sh\",\"-c\"", "\"sh\",1", "args[1]");
	check_refused("\"CAP_CHOWN\"", "\"CAP_NOPE\"", "CAP_NOPE");
	check_refused("\"RLIMIT_NOFILE\"", "\"RLIMIT_NOPE\"", "rlimits[0]: type: unknown resource limit 'RLIMIT_NOPE'");
	check_refused("\"soft\":1024", "\"soft\":-1", "rlimits[0]: soft");
	check_refused("18446744073709551615", "1", "soft limit is above");
	check_refused("\"uid\":1", "\"uid\":4294967296", "user: uid");
	check_refused("\"umask\":18", "\"umask\":512", "user: umask");
	check_refused("[5,6]", "[5,\"6\"]", "additionalGids[1]");
	check_refused("\"destination\":\"/proc\"", "\"destination\":\"proc\"", "mounts[0]");
	check_refused("\"source\":\"/srv\",", "", "needs a source");
	check_refused("{\"type\":\"mount\"}", "{\"type\":\"moun\"}", "unknown namespace 'moun'");
	check_refused("{\"type\":\"mount\"},", "", "mount namespace");
	check_refused("{\"type\":\"mount\"}", "{\"type\":\"mount\",\"path\":\"/x\"}", "join a mount namespace");
	check_refused("{\"type\":\"pid\"}", "{\"type\":\"mount\"}", "given twice");
	check_refused("{\"type\":\"uts\"},", "", "uts namespace");
	check_refused("{\"type\":\"user\"},", "", "user namespace");
	check_refused(",{\"type\":\"time\"}", "", "time namespace");
	check_refused("\"type\":\"c\"", "\"type\":\"x\"", "devices[0]: type");
	check_refused("\"/proc/kcore\"", "\"kcore\"", "maskedPaths");
	check_refused("\"slave\"", "\"salve\"", "salve");
	check_refused("\"path\":\"/bin/x\"", "\"path\":\"x\"", "hooks.poststop[0]");
	check_refused("\"cgroupsPath\"", "\"personality\":{\"domain\":\"LINUX64\"},\"cgroupsPath\"", "LINUX64");
	check_refused("\"cgroupsPath\"", "\"personality\":{},\"cgroupsPath\"", "personality: domain");
	check_refused("\"cgroupsPath\"", "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"x\"]},\"cgroupsPath\"", "flags is not supported");
	check_refused("\"noNewPrivileges\":true", "\"noNewPrivileges\":\"yes\"", "noNewPrivileges");
}

static void test_sysctls_of_the_machine_are_refused(void **state)
{
	(void)state;
	check_refused("net.ipv4.ip_forward", "kernel.panic", "whole machine");
	check_refused("net.ipv4.ip_forward", "net", "whole machine");
	check_refused("net.ipv4.ip_forward", "kernel.shmmax", "ipc namespace");
	check_refused("net.ipv4.ip_forward", "net/../kernel/panic", "not a name");
	check_refused("net.ipv4.ip_forward", "net.//.kernel", "not a name");
	check_refused("net.ipv4.ip_forward", "net ipv4", "not a name");
}

static void test_failure_leaves_the_output_alone(void **state)
{
	(void)state;
	auto_spec struct spec spec;
	spec_init(&spec);
	spec.hostname = xstrdup("kept");
	assert_true(spec_read("{\"ociVersion\":1}", 16, "x", &spec, NULL) < 0);
	assert_true(spec_read("[]", 2, "x", &spec, NULL) < 0);
	assert_true(spec_read("{", 1, "x", &spec, NULL) < 0);
	assert_string_equal(spec.hostname, "kept");
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(capability_from_name("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
	assert_int_equal(capability_from_name("net_raw"), CAP_NET_RAW);
	assert_int_equal(capability_from_name("CAP_"), -1);
	assert_int_equal(capability_from_name(""), -1);
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		assert_int_equal(capability_from_name(capability_name(i)), i);
	assert_null(capability_name(CAP_LAST_CAP + 1));
	assert_null(capability_name(-1));
	for (int i = 0; i < RLIMIT_NLIMITS; i++)
		assert_int_equal(rlimit_from_name(rlimit_name(i)), i);
	assert_int_equal(rlimit_from_name("nofile"), RLIMIT_NOFILE);
	assert_null(rlimit_name(RLIMIT_NLIMITS));
	assert_int_equal(namespace_from_name("cgroup"), SPEC_NS_CGROUP);
	assert_int_equal(namespace_from_name("net"), -1);
}

static void test_process_alone(void **state)
{
	(void)state;
	const char text[] = "{\"args\":[\"id\"],\"cwd\":\"/\",\"user\":{\"uid\":7}}";
	struct spec_process process = {0};
	struct error err = ERROR_INIT;
	assert_int_equal(spec_process_read(text, strlen(text), "process.json", &process, &err), 0);
	assert_int_equal(process.uid, 7);
	assert_int_equal(process.umask, -1);
	assert_string_equal(process.args.items[0], "id");
	spec_process_free(&process);
	assert_int_equal(spec_process_read("[]", 2, "process.json", &process, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reads_everything_and_writes_it_back),
	    cmocka_unit_test(test_errors_name_the_member),
	    cmocka_unit_test(test_sysctls_of_the_machine_are_refused),
	    cmocka_unit_test(test_failure_leaves_the_output_alone),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_process_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
