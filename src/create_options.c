/* SPDX-License-Identifier: Apache-2.0 */
#include "src/create_options.h"

#include <errno.h>
#include <string.h>

#include "pkg/terminal/terminal.h"

#define AT(member) offsetof(struct create_options, member)
#define TIMEOUT_MAX_S 315360000 /* ten years */
#define GIVEN(member) .given_offset = offsetof(struct create_options, member)

const struct cli_option create_option_table[] = {
    {0, "add-host", CLI_LIST, AT(add_hosts), "NAME:ADDRESS", "Add a line to the container's /etc/hosts"},
    {0, "annotation", CLI_LIST, AT(annotations), "KEY=VALUE", "Add an annotation to the container"},
    {0, "arch", CLI_STRING, AT(arch), "ARCH", "Take the image for this architecture, and fetch it if it is not here"},
    {0, "authfile", CLI_STRING, AT(authfile), "FILE", "File with the credentials for the registry, instead of the usual ones", .complete = CLI_COMPLETE_FILE},
    {0, "cap-add", CLI_COMMA_LIST, AT(cap_add), "CAPABILITY", "Add a capability, or all"},
    {0, "cap-drop", CLI_COMMA_LIST, AT(cap_drop), "CAPABILITY", "Drop a capability, or all"},
    {0, "cgroupns", CLI_STRING, AT(cgroupns), "MODE", "Cgroup namespace: private, host, container:NAME or ns:/PATH"},
    {0, "cgroup-conf", CLI_LIST, AT(limits.cgroup_conf), "FILE=VALUE", "Write a file of the container's cgroup, as memory.high=1G"},
    {0, "cgroup-manager", CLI_STRING, AT(cgroup_manager), "MANAGER", "Ask systemd for a place for limits, or not: systemd or cgroupfs", .values = "systemd|cgroupfs"},
    {0, "cgroup-parent", CLI_STRING, AT(cgroup_parent), "CGROUP", "Make the container's cgroup in this one: a path, or a slice of yours"},
    {0, "cgroups", CLI_STRING, AT(cgroups), "MODE", "enabled, disabled, no-conmon (the same as enabled) or split (below your own cgroup)", .values = "enabled|disabled|no-conmon|split"},
    {0, "cidfile", CLI_STRING, AT(cidfile), "FILE", "Write the container's id to a new file", .complete = CLI_COMPLETE_FILE},
    {0, "client-address", CLI_STRING, AT(client_address), "MODE", "On published ports, show servers the client's own address: tcp (the default: of connections), all (of datagrams, too) or none (they see the container's own address, as with a server that trusts it)", .values = "tcp|all|none"},
    {0, "conmon-pidfile", CLI_STRING, AT(conmon_pidfile), "FILE", "Write the process id of the container's monitor to a file, as PIDFile= of a systemd unit", .complete = CLI_COMPLETE_FILE},
    {0, "device", CLI_LIST, AT(devices), "DEVICE[:PATH][:rwm]", "Give the container a device that you may open, or a CDI device: vendor.com/class=name", .complete = CLI_COMPLETE_FILE},
    {0, "device-cgroup-rule", CLI_LIST, AT(device_cgroup_rules), "RULE", "Not without the machine's root"},
    {0, "disable-content-trust", CLI_FLAG, AT(disable_content_trust), NULL, "Docker's; signatures are up to policy.json", .hidden = true},
    {0, "dns", CLI_LIST, AT(dns), "ADDRESS", "Use this name server"},
    {0, "dns-option", CLI_LIST, AT(dns_options), "OPTION", "Set an option of resolv.conf(5)"},
    {0, "dns-opt", CLI_LIST, AT(dns_options), "OPTION", "Set an option of resolv.conf(5)", .hidden = true},
    {0, "dns-search", CLI_LIST, AT(dns_search), "DOMAIN", "Search this domain for names without a dot"},
    {0, "entrypoint", CLI_STRING, AT(entrypoint), "PROGRAM", "Run this program instead of the image's entry point", GIVEN(entrypoint_given)},
    {'e', "env", CLI_LIST, AT(env), "KEY[=VALUE]", "Set an environment variable, or pass on your own"},
    {0, "env-file", CLI_LIST, AT(env_files), "FILE", "Set the environment variables of a file", .complete = CLI_COMPLETE_FILE},
    {0, "env-host", CLI_FLAG, AT(env_host), NULL, "Pass on all of your environment"},
    {0, "env-merge", CLI_LIST, AT(env_merge), "KEY=VALUE", "Set an environment variable; $NAME and ${NAME} stand for those of the image"},
    {0, "expose", CLI_LIST, AT(expose), "PORT[/PROTOCOL]", "Say that the container listens on a port or a range"},
    LIMIT_OPTIONS(AT(limits)),
    {0, "gidmap", CLI_LIST, AT(gidmap), "CONTAINER:FROM:COUNT", "Map group ids of your own to ids of the container, in a user namespace for it alone"},
    {0, "gpus", CLI_STRING, AT(gpus), "GPUS", "Give the container GPUs: all, a number, or device=NAME (CDI devices nvidia.com/gpu)"},
    {0, "group-add", CLI_LIST, AT(group_add), "GROUP", "Add a further group to the process, or keep-groups: those that you have"},
    {0, "group-entry", CLI_STRING, AT(group_entry), "ENTRY", "The line for the user's group in /etc/group: $GROUPNAME, $GID and $USERLIST stand for the group's"},
    {'h', "hostname", CLI_STRING, AT(hostname), "NAME", "Host name of the container"},
    {0, "hostuser", CLI_LIST, AT(host_users), "USER", "Add a user of this machine to the container's /etc/passwd: a name or an id"},
    {0, "http-proxy", CLI_FLAG, AT(http_proxy), NULL, "Pass on your http_proxy, https_proxy, ftp_proxy and no_proxy (on by default)"},
    {0, "image-volume", CLI_STRING, AT(image_volume), "MODE", "What becomes of the image's volumes: anonymous (the default), tmpfs or ignore", .values = "anonymous|bind|tmpfs|ignore"},
    {0, "init", CLI_FLAG, AT(init), NULL, "Run a small init as process 1, which forwards signals and reaps processes"},
    {0, "init-path", CLI_STRING, AT(init_path), "PATH", "With --init: this program of the host's instead, as catatonit or tini", .complete = CLI_COMPLETE_FILE},
    {0, "ip", CLI_STRING, AT(ip), "ADDRESS", "IPv4 address on its network"},
    {0, "ip6", CLI_STRING, AT(ip6), "ADDRESS", "IPv6 address on its network"},
    {'i', "interactive", CLI_FLAG, AT(interactive), NULL, "Keep standard input open"},
    {0, "ipc", CLI_STRING, AT(ipc), "MODE", "IPC namespace: shareable, private, none, host, container:NAME or ns:/PATH"},
    {'l', "label", CLI_LIST, AT(labels), "KEY=VALUE", "Set a label of the container"},
    {0, "label-file", CLI_LIST, AT(label_files), "FILE", "Set the labels of a file", .complete = CLI_COMPLETE_FILE},
    {0, "log-driver", CLI_STRING, AT(log_driver), "DRIVER", "How output is kept: json-file or none", .values = "json-file|k8s-file|none"},
    {0, "log-opt", CLI_LIST, AT(log_opts), "OPTION", "max-size=SIZE or max-file=NUMBER of the log"},
    {0, "mac-address", CLI_STRING, AT(mac), "ADDRESS", "Hardware address on its network"},
    {0, "mount", CLI_LIST, AT(mounts), "type=TYPE,KEY=VALUE...", "Mount a bind, volume, tmpfs, image, devpts or ramfs"},
    {0, "name", CLI_STRING, AT(name), "NAME", "Name of the container"},
    {0, "network", CLI_LIST, AT(networks), "MODE", "NETWORK[:OPTIONS] (may be given again), none, host, private, slirp4netns[:OPTIONS], pasta[:OPTIONS], container:NAME or ns:PATH", .complete = CLI_COMPLETE_NETWORK},
    {0, "network-alias", CLI_LIST, AT(network_aliases), "NAME", "A further name of the container on its networks"},
    {0, "net", CLI_LIST, AT(networks), "MODE", "The same as --network", .hidden = true},
    {0, "net-alias", CLI_LIST, AT(network_aliases), "NAME", "The same as --network-alias", .hidden = true},
    {0, "no-hostname", CLI_FLAG, AT(no_hostname), NULL, "Leave /etc/hostname as the image has it"},
    {0, "no-hosts", CLI_FLAG, AT(no_hosts), NULL, "Leave /etc/hosts as the image has it"},
    {0, "oom-kill-disable", CLI_FLAG, AT(limits.oom_kill_disable), NULL, "Not with cgroup version 2"},
    {0, "oom-score-adj", CLI_INT, AT(oom_score_adj), "NUMBER", "Adjust the preference of the out-of-memory killer", GIVEN(oom_score_adj_given)},
    {0, "personality", CLI_STRING, AT(personality), "PERSONA", "Execution domain of its processes (personality(2)): LINUX, or LINUX32, in which uname says that it is a machine of 32 bits", .values = "LINUX|LINUX32"},
    {0, "pid", CLI_STRING, AT(pid), "MODE", "PID namespace: private, host, container:NAME or ns:/PATH"},
    {0, "pidfile", CLI_STRING, AT(pidfile), "FILE", "Write the process id of the container's first process to a file", .complete = CLI_COMPLETE_FILE},
    {0, "privileged", CLI_FLAG, AT(privileged), NULL, "Give all capabilities (in the user namespace) and hide nothing"},
    {0, "os", CLI_STRING, AT(os), "OS", "Take the image for this operating system"},
    {0, "passwd", CLI_FLAG, AT(passwd), NULL, "Add the user to the container's /etc/passwd where it has none (on by default)"},
    {0, "passwd-entry", CLI_STRING, AT(passwd_entry), "ENTRY", "That line: $USERNAME, $UID, $GID, $NAME and $HOME stand for the user's"},
    {'p', "publish", CLI_LIST, AT(publish), "[[ADDRESS:]PORT:]PORT[/PROTOCOL]", "Publish a port, or a range, of the container"},
    {0, "platform", CLI_STRING, AT(platform), "OS/ARCH[/VARIANT]", "Take the image for this platform, and fetch it if it is not here"},
    {'P', "publish-all", CLI_FLAG, AT(publish_all), NULL, "Publish all exposed ports on ports that are free"},
    {0, "pull", CLI_STRING, AT(pull), "POLICY", "When to fetch the image: always, missing (the default), newer or never", .values = "always|missing|newer|never"},
    {'q', "quiet", CLI_FLAG, AT(quiet), NULL, "Print no progress while an image is fetched"},
    {0, "read-only", CLI_FLAG, AT(read_only), NULL, "Mount the root file system read-only"},
    {0, "read-only-tmpfs", CLI_FLAG, AT(read_only_tmpfs), NULL, "With --read-only, mount writable /run, /tmp and /var/tmp (on by default); without, not even /dev and /dev/shm can be written"},
    {0, "replace", CLI_FLAG, AT(replace), NULL, "Remove a container that has the same name first, even if it is running"},
    {0, "requires", CLI_COMMA_LIST, AT(requires), "CONTAINER", "Start these containers first, each time, unless they run", .complete = CLI_COMPLETE_CONTAINER},
    {0, "restart", CLI_STRING, AT(restart), "POLICY", "When to start it again: no, always, unless-stopped or on-failure[:TIMES]"},
    {0, "rm", CLI_FLAG, AT(rm), NULL, "Remove the container when it ends"},
    {0, "rootfs", CLI_FLAG, AT(rootfs), NULL, "The argument is a folder with a root file system, which is used in place, or, as FOLDER:O, below an overlay"},
    {0, "secret", CLI_LIST, AT(secrets), "NAME[,OPTION...]", "Give the container a secret: type=mount or env, target=, uid=, gid=, mode="},
    {0, "security-opt", CLI_LIST, AT(security_opts), "OPTION", "no-new-privileges, seccomp=FILE, apparmor=, label=, mask=, unmask=, proc-opts="},
    {0, "shm-size", CLI_SIZE, AT(shm_size), "SIZE", "Size of /dev/shm (64m by default; 0: no limit)", GIVEN(shm_size_given)},
    {0, "stop-signal", CLI_STRING, AT(stop_signal), "SIGNAL", "Signal that stops the container", .complete = CLI_COMPLETE_SIGNAL},
    {0, "stop-timeout", CLI_INT, AT(stop_timeout), "SECONDS", "Seconds between that signal and SIGKILL (10 by default; -1: no SIGKILL)", GIVEN(stop_timeout_given)},
    {0, "subgidname", CLI_STRING, AT(subgidname), "NAME", "Map the subordinate group ids that /etc/subgid has for this name"},
    {0, "subuidname", CLI_STRING, AT(subuidname), "NAME", "Map the subordinate user ids that /etc/subuid has for this name"},
    {0, "sysctl", CLI_LIST, AT(sysctls), "NAME=VALUE", "Set a kernel parameter of the container's own namespaces"},
    {0, "systemd", CLI_STRING, AT(systemd), "MODE", "Prepare the container for systemd: true (the default: if that is its program), false or always", .values = "true|false|always"},
    {0, "timeout", CLI_INT, AT(timeout), "SECONDS", "Kill the container when it has run for so long"},
    {0, "tls-verify", CLI_FLAG, AT(tls_verify), NULL, "Verify certificates, and speak nothing but HTTPS, while an image is fetched (as registries.conf says by default)", GIVEN(tls_verify_given)},
    {0, "tmpfs", CLI_LIST, AT(tmpfs), "PATH[:OPTIONS]", "Mount a tmpfs"},
    {'t', "tty", CLI_FLAG, AT(terminal), NULL, "Give the container a terminal"},
    {0, "tz", CLI_STRING, AT(time_zone), "ZONE", "Time zone: one of /usr/share/zoneinfo, or local, this machine's"},
    {0, "uidmap", CLI_LIST, AT(uidmap), "CONTAINER:FROM:COUNT", "Map user ids of your own (0 is you, 1 and so on the subordinate ones) to ids of the container"},
    {0, "ulimit", CLI_LIST, AT(ulimits), "NAME=SOFT[:HARD]", "Set a resource limit; host: those that you have"},
    {0, "umask", CLI_STRING, AT(umask), "MASK", "Set the file mode creation mask, in octal"},
    {0, "unsetenv", CLI_LIST, AT(unset_env), "KEY", "Unset an environment variable of the image"},
    {0, "unsetenv-all", CLI_FLAG, AT(unset_env_all), NULL, "Unset all environment variables of the image"},
    {'u', "user", CLI_STRING, AT(user), "USER[:GROUP]", "Run as this user: a name of the image, or an id"},
    {0, "userns", CLI_STRING, AT(userns), "MODE", "User namespace: host (the one that your containers share), keep-id, nomap, auto, container:NAME or ns:PATH"},
    {0, "uts", CLI_STRING, AT(uts), "MODE", "UTS namespace: private, host, container:NAME or ns:/PATH"},
    {0, "variant", CLI_STRING, AT(variant), "VARIANT", "Take the image for this variant of the architecture"},
    {'v', "volume", CLI_LIST, AT(volumes), "[SOURCE:]TARGET[:OPTIONS]", "Mount a file or folder of yours, or a volume, into the container", .complete = CLI_COMPLETE_FILE},
    {0, "volumes-from", CLI_LIST, AT(volumes_from), "CONTAINER[:OPTIONS]", "Mount the volumes and folders of another container", .complete = CLI_COMPLETE_CONTAINER},
    {'w', "workdir", CLI_STRING, AT(workdir), "PATH", "Working directory of the process"},
    CLI_OPTIONS_END,
};

void create_option_defaults(void *object)
{
	struct create_options *options = object;
	options->read_only_tmpfs = true;
	options->passwd = true;
	options->http_proxy = true;
	options->sig_proxy = true;
}

int create_options_check(const struct create_options *options, struct error *err)
{
	if (options->entrypoint_given && !options->entrypoint)
		return error_set(err, EINVAL, "--entrypoint needs a program");
	for (size_t i = 0; i < options->attach.count; i++) {
		const char *name = options->attach.items[i];
		if (strcasecmp(name, "stdin") != 0 && strcasecmp(name, "stdout") != 0 && strcasecmp(name, "stderr") != 0)
			return error_set(err, EINVAL, "--attach %s: there are stdin, stdout and stderr", name);
	}
	if (options->replace && !options->name)
		return error_set(err, EINVAL, "--replace needs --name");
	if (options->timeout < 0 || options->timeout > TIMEOUT_MAX_S)
		return error_set(err, EINVAL, "--timeout is a number of seconds, at most %d", TIMEOUT_MAX_S);
	struct detach_keys keys;
	int r = options->detach_keys ? detach_keys_parse(options->detach_keys, &keys, err) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < options->sysctls.count; i++)
		if (!strchr(options->sysctls.items[i], '='))
			return error_set(err, EINVAL, "--sysctl %s: give NAME=VALUE", options->sysctls.items[i]);
	for (size_t i = 0; i < options->annotations.count; i++)
		if (!strchr(options->annotations.items[i], '='))
			return error_set(err, EINVAL, "--annotation %s: give KEY=VALUE", options->annotations.items[i]);
	if (options->no_hosts && options->add_hosts.count)
		return error_set(err, EINVAL, "--no-hosts and --add-host contradict each other");
	return 0;
}
