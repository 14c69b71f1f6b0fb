/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/network/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

#define DEFAULT_CIDR "10.0.2.0/24"
#define DEFAULT_MTU  65520 /* the largest that both programs take: fewer, larger packets */

void network_settings_free(struct network_settings *settings)
{
	strv_free(&settings->texts);
	strv_free(&settings->arguments);
}

/* ---- addresses ---- */

static void print_address(uint32_t address, char *out)
{
	struct in_addr in = {.s_addr = htonl(address)};
	inet_ntop(AF_INET, &in, out, INET_ADDRSTRLEN);
}

/* slirp4netns gives out the .2, .3 and .100 of its network. */
static int take_cidr(const char *cidr, struct network_settings *settings, struct error *err)
{
	const char *slash = strchr(cidr, '/');
	auto_free char *text = slash ? xstrndup(cidr, (size_t)(slash - cidr)) : NULL;
	struct in_addr in;
	int64_t bits;
	if (!text || inet_pton(AF_INET, text, &in) != 1 || parse_int64(slash + 1, "cidr", 1, 25, &bits, NULL) < 0)
		return error_set(err, EINVAL, "cidr=%s: expected an IPv4 network of at most /25, as 10.0.2.0/24", cidr);
	uint32_t mask = UINT32_MAX << (32 - bits), network = ntohl(in.s_addr);
	if (network & ~mask)
		return error_set(err, EINVAL, "cidr=%s: this is not the first address of the network", cidr);
	print_address(network + 100, settings->address);
	print_address(network + 2, settings->gateway);
	print_address(network + 3, settings->dns);
	print_address(mask, settings->netmask);
	return 0;
}

/* ---- slirp4netns:OPTION=VALUE,… ---- */

static const char *keep(struct network_settings *settings, const char *value)
{
	strv_add(&settings->texts, value);
	return settings->texts.items[settings->texts.count - 1];
}

static int take_slirp_option(const char *key, const char *value, struct network_settings *settings, struct error *err)
{
	struct netns_slirp4netns *slirp = &settings->slirp4netns;
	int64_t number;
	if (strcmp(key, "allow_host_loopback") == 0)
		return parse_bool(value, key, &slirp->allow_host_loopback, err);
	if (strcmp(key, "enable_ipv6") == 0)
		return parse_bool(value, key, &slirp->enable_ipv6, err);
	if (strcmp(key, "mtu") == 0) {
		int r = parse_int64(value, key, 68, 65521, &number, err);
		if (r == 0)
			slirp->mtu = (uint32_t)number;
		return r;
	}
	if (strcmp(key, "cidr") == 0) {
		slirp->cidr = keep(settings, value);
		return take_cidr(value, settings, err);
	}
	if (strcmp(key, "outbound_addr") == 0 || strcmp(key, "outbound_addr6") == 0) {
		if (!*value)
			return error_set(err, EINVAL, "%s: expected an address or an interface", key);
		*(key[13] ? &slirp->outbound_addr6 : &slirp->outbound_addr) = keep(settings, value);
		return 0;
	}
	if (strcmp(key, "port_handler") == 0) {
		/* podman's words: its rootlesskit is a forwarder beside the network, as ours is, which does not show who connects. */
		settings->forwards = strcmp(value, "slirp4netns") == 0;
		bool own_source = strcmp(value, "rootlesskit") == 0;
		if (own_source)
			settings->source = "own";
		if (settings->forwards || own_source)
			return 0;
		return error_set(err, EINVAL, "port_handler=%s: expected rootlesskit or slirp4netns", value);
	}
	return error_set(err, EINVAL, "unknown option \"%s\" of network slirp4netns", key);
}

static int take_slirp_options(const char *options, struct network_settings *settings, struct error *err)
{
	auto_strv struct strv items = STRV_INIT;
	if (!text_is_empty(options))
		strv_split(&items, options, ',');
	for (size_t i = 0; i < items.count; i++) {
		char *value = strchr(items.items[i], '=');
		if (!value)
			return error_set(err, EINVAL, "network slirp4netns: \"%s\": expected OPTION=VALUE",
					 items.items[i]);
		*value = '\0';
		int r = take_slirp_option(items.items[i], value + 1, settings, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- pasta:ARGUMENT,… ---- */

/* What of the user's arguments changes the container's addresses as we know them. */
static void take_pasta_arguments(const char *options, struct network_settings *settings)
{
	if (text_is_empty(options))
		return;
	strv_split(&settings->arguments, options, ',');
	for (char *const *item = settings->arguments.items; item && *item; item++) {
		const char *argument = *item, *value = NULL;
		if (strcmp(argument, "-a") == 0 || strcmp(argument, "--address") == 0)
			value = item[1];
		else if (text_starts_with(argument, "--address="))
			value = argument + strlen("--address=");
		struct in_addr in;
		if (value && inet_pton(AF_INET, value, &in) == 1)
			inet_ntop(AF_INET, &in, settings->address, sizeof(settings->address));
		/* Where the user says how DNS goes, the host's resolvers are named as they are. */
		if (text_starts_with(argument, "--dns-forward"))
			settings->dns[0] = '\0';
	}
}

/* --client-address, which has been checked. */
static int take_source(const struct container *container, struct network_settings *settings, struct error *err)
{
	if (!container->client_address)
		return 0;
	if (settings->forwards)
		return error_set(err, EINVAL, "with port_handler=slirp4netns ports are forwarded by slirp4netns, which "
					      "takes no --client-address; leave one of them out");
	settings->source = strcmp(container->client_address, "all") == 0    ? "all"
			   : strcmp(container->client_address, "none") == 0 ? "own"
									    : "client";
	return 0;
}

int network_settings(const struct container *container, struct network_settings *ret, struct error *err)
{
	struct network_settings settings = {.kind = NETWORK_NONE, .source = "client"};
	const char *network = container->network ? container->network : "none";
	settings.slirp4netns =
	    (struct netns_slirp4netns){.mtu = DEFAULT_MTU, .cidr = DEFAULT_CIDR, .sandbox = true, .api_dir = -1};
	int r = take_cidr(DEFAULT_CIDR, &settings, err);
	if (strcmp(network, "none") == 0) {
		settings.kind = NETWORK_NONE;
	} else if (strcmp(network, "host") == 0) {
		settings.kind = NETWORK_HOST;
	} else if (text_starts_with(network, "container:")) {
		settings.kind = NETWORK_CONTAINER;
	} else if (strcmp(network, "bridge") == 0) {
		settings.kind = NETWORK_BRIDGE;
	} else if (text_starts_with(network, "ns:")) {
		settings.kind = NETWORK_NAMESPACE;
	} else if (strcmp(network, "slirp4netns") == 0) {
		settings.kind = NETWORK_SLIRP4NETNS;
		r = take_slirp_options(container->network_options, &settings, err);
	} else if (strcmp(network, "pasta") == 0) {
		settings.kind = NETWORK_PASTA;
		take_pasta_arguments(container->network_options, &settings);
	} else {
		r = error_set(err, EINVAL, "unknown network \"%s\"", network);
	}
	if (r == 0)
		r = take_source(container, &settings, err);
	if (r < 0) {
		network_settings_free(&settings);
		return r;
	}
	*ret = settings;
	return 0;
}

bool network_has_helpers(const struct container *container)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	return network_settings(container, &settings, NULL) == 0 && network_publishes(&settings);
}

void network_address(const struct container *container, char *out)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	*out = '\0';
	if (network_settings(container, &settings, NULL) == 0 && network_is_private(&settings))
		snprintf(out, INET_ADDRSTRLEN, "%s", settings.address);
}

/* ---- --network ---- */

static bool is_installed(const char *program)
{
	auto_free char *path = find_program(program);
	return path != NULL;
}

static int choose_default(const char *preferred, const char **ret, struct error *err)
{
	if (preferred && !is_installed(preferred))
		return error_set(err, ENOENT, "%s, which network.program of coracle.conf names, is not installed",
				 preferred);
	if (preferred)
		*ret = preferred;
	else if (is_installed("slirp4netns"))
		*ret = "slirp4netns";
	else if (is_installed("pasta"))
		*ret = "pasta";
	else
		return error_set(err, ENOENT,
				 "there is no program for a private network; install the package slirp4netns or passt, "
				 "or use --network host or --network none");
	return 0;
}

static int need_program(const char *program, const char *package, struct error *err)
{
	if (is_installed(program))
		return 0;
	return error_set(err, ENOENT, "%s is not installed; install the package %s, or use another --network", program,
			 package);
}

static int set_mode(const char *text, const char *preferred, struct container *container, struct error *err)
{
	size_t length = strcspn(text, ":");
	auto_free char *name = xstrndup(text, length);
	const char *options = text[length] ? text + length + 1 : NULL, *network = name;
	int r = 0;
	if (!*name || strcmp(name, "private") == 0 || strcmp(name, "default") == 0)
		r = choose_default(preferred, &network, err);
	else if (strcmp(name, "container") == 0)
		network = text_is_empty(options) ? NULL : text;
	else if (strcmp(name, "ns") == 0)
		network = options && *options == '/' ? text : NULL;
	else if (strcmp(name, "slirp4netns") == 0)
		r = need_program("slirp4netns", "slirp4netns", err);
	else if (strcmp(name, "pasta") == 0)
		r = need_program("pasta", "passt", err);
	if (r < 0)
		return r;
	if (!network)
		return error_set(err, EINVAL, "network \"%s\": expected %s", text, strcmp(name, "ns") == 0 ? "ns:/PATH" : "container:NAME");
	bool takes_options = strcmp(name, "slirp4netns") == 0 || strcmp(name, "pasta") == 0;
	if (options && !takes_options && strcmp(name, "container") != 0 && strcmp(name, "ns") != 0)
		return error_set(err, EINVAL, "network \"%s\" takes no options", name);
	free(container->network);
	free(container->network_options);
	container->network = xstrdup(network);
	container->network_options = takes_options && options ? xstrdup(options) : NULL;
	return 0;
}

bool network_is_mode(const char *text)
{
	static const char *const modes[] = {"", "private", "default", "none", "host", "container", "ns", "slirp4netns", "pasta"};
	size_t length = strcspn(text, ":");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strlen(modes[i]) == length && strncmp(modes[i], text, length) == 0)
			return true;
	return false;
}

int network_mode(const char *text, const char *preferred, struct container *container, struct error *err)
{
	int r = set_mode(text ? text : "", preferred, container, err);
	if (r < 0)
		return r;
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	return network_settings(container, &settings, err);
}
