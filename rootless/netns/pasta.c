/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pasta has no descriptor to say that it is ready on, but writes its pid to a file when it is: the file is our pipe. It
 * takes the network namespace as a path too. Both paths lead through /proc/self/fd to what it inherits. Versions since
 * 2024 close all that they inherit first; those keep the capability to go through our own descriptors in /proc, which
 * earlier ones give up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "rootless/netns/netns.h"

/* Whether the user said one of "-x", "--long" (or "-xvalue", "--long=value"). */
static bool is_given(const struct strv *arguments, const char *short_name, const char *long_name)
{
	size_t length = strlen(long_name);
	for (size_t i = 0; i < arguments->count; i++) {
		const char *argument = arguments->items[i];
		if (short_name && text_starts_with(argument, short_name) && argument[1] != '-')
			return true;
		if (strncmp(argument, long_name, length) == 0 && (argument[length] == '\0' || argument[length] == '='))
			return true;
	}
	return false;
}

struct defaults {
	struct strv *argv;
	const struct strv *given;
};

static void add_default(const struct defaults *defaults, const char *short_name, const char *long_name,
			const char *value)
{
	if (!value || is_given(defaults->given, short_name, long_name))
		return;
	strv_add(defaults->argv, long_name);
	strv_add(defaults->argv, value);
}

static void add_arguments(struct strv *argv, const struct netns_pasta *options)
{
	const struct defaults defaults = {.argv = argv, .given = options->arguments};
	char mtu[16];
	snprintf(mtu, sizeof(mtu), "%" PRIu32, options->mtu);
	add_default(&defaults, "-m", "--mtu", mtu);
	add_default(&defaults, "-I", "--ns-ifname", "tap0");
	if (!is_given(defaults.given, "-6", "--ipv6-only")) {
		/* A netmask or gateway of ours makes no sense for an address of the user's. */
		bool ours = !is_given(defaults.given, "-a", "--address");
		add_default(&defaults, "-a", "--address", options->address);
		add_default(&defaults, "-n", "--netmask", ours ? options->netmask : NULL);
		add_default(&defaults, "-g", "--gateway", ours ? options->gateway : NULL);
	}
	add_default(&defaults, NULL, "--dns-forward", options->dns_forward);
	/* Its own port forwarding, which would follow whatever listens: published ports are not its task. */
	add_default(&defaults, "-t", "--tcp-ports", "none");
	add_default(&defaults, "-u", "--udp-ports", "none");
	add_default(&defaults, "-T", "--tcp-ns", "none");
	add_default(&defaults, "-U", "--udp-ns", "none");
	/* podman's word for leaving out the restriction; pasta knows it in later versions only, and then by default. */
	if (!is_given(defaults.given, NULL, "--map-gw") && !is_given(defaults.given, NULL, "--no-map-gw"))
		strv_add(argv, "--no-map-gw");
	for (size_t i = 0; i < options->arguments->count; i++)
		if (strcmp(options->arguments->items[i], "--map-gw") != 0)
			strv_add(argv, options->arguments->items[i]);
}

static pid_t pid_in_proc(void)
{
	char text[16];
	ssize_t length = readlink("/proc/self", text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	int pid = -1;
	return sscanf(text, "%d", &pid) == 1 ? pid : getpid();
}

int netns_pasta_begin(int netns_fd, const struct netns_pasta *options, struct netns_helper *ret, struct error *err)
{
	struct netns_helper helper;
	int r = netns_helper_prepare("pasta", &helper, err);
	if (r < 0)
		return r;
	helper.sibling = options->sibling;
	char descriptors[sizeof("/proc/2147483647/fd")] = "/proc/self/fd";
	if (options->paths_by_pid)
		snprintf(descriptors, sizeof(descriptors), "/proc/%d/fd", (int)pid_in_proc());
	auto_strv struct strv argv = STRV_INIT;
	strv_add(&argv, "pasta");
	strv_add(&argv, "--config-net");
	strv_add(&argv, "--foreground");
	strv_add(&argv, "--quiet");
	strv_add(&argv, "--no-netns-quit");
	strv_add(&argv, "--pid");
	strv_addf(&argv, "%s/%d", descriptors, helper.ready_write);
	add_arguments(&argv, options);
	strv_add(&argv, "--netns");
	strv_addf(&argv, "%s/%d", descriptors, netns_fd);
	r = netns_helper_begin(&helper, (const char *const *)argv.items, &netns_fd, 1, err);
	if (r < 0) {
		netns_helper_release(&helper);
		return r;
	}
	*ret = helper;
	return 0;
}
