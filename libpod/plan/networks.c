/* SPDX-License-Identifier: Apache-2.0 */
/* networks: --network, --ip, --ip6, --mac-address, --network-alias. */
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "libpod/network/network.h"
#include "libpod/networks/networks.h"
#include "libpod/plan/plan_internal.h"

static void replace(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

/* "KEY=VALUE" of NETWORK:… */
static int take_option(const char *option, struct container_network *network, struct error *err)
{
	const char *value = strchr(option, '=');
	auto_free char *key = xstrndup(option, value ? (size_t)(value - option) : strlen(option));
	if (!value || !value[1])
		return error_set(err, EINVAL, "network %s: \"%s\": give OPTION=VALUE", network->name, option);
	value++;
	struct ip ip;
	bool is_ip = strcmp(key, "ip") == 0, is_six = is_ip && ip_parse(value, &ip) && ip.family == AF_INET6;
	if (is_six || strcmp(key, "ip6") == 0)
		replace(&network->ip6, value);
	else if (is_ip)
		replace(&network->ip, value);
	else if (strcmp(key, "mac") == 0)
		replace(&network->mac, value);
	else if (strcmp(key, "interface_name") == 0)
		replace(&network->interface, value);
	else if (strcmp(key, "alias") == 0)
		strv_add(&network->aliases, value);
	else
		return error_set(err, EINVAL,
				 "network %s: unknown option \"%s\"; there are ip, ip6, mac, alias and interface_name",
				 network->name, key);
	return 0;
}

/* ---- what can be known to be wrong ---- */
static int check_ip(const struct network_record *record, const char *text, uint16_t family, struct error *err)
{
	struct ip ip;
	if (!text)
		return 0;
	if (!ip_parse(text, &ip) || ip.family != family)
		return error_set(err, EINVAL, "\"%s\" is not an IPv%d address", text, family == AF_INET6 ? 6 : 4);
	for (size_t i = 0; i < record->subnets_count; i++)
		if (ip_prefix_has(&record->subnets[i].prefix, &ip))
			return 0;
	return error_set(err, EINVAL, "requested static ip %s not in any subnet on network %s", text, record->name);
}

static int check_mac(const char *text, struct error *err)
{
	unsigned int first;
	bool good = !text || strlen(text) == 17;
	for (size_t i = 0; text && good && i < 17; i++)
		good = i % 3 == 2 ? text[i] == ':' : isxdigit((unsigned char)text[i]) != 0;
	if (text && good)
		good = sscanf(text, "%2x", &first) == 1 && !(first & 1); /* a group's address is nobody's own */
	return good
		   ? 0
		   : error_set(err, EINVAL, "\"%s\" is not a MAC address of one interface, as 02:42:ac:11:00:02", text);
}

static int check_interface(const char *text, struct error *err)
{
	bool good = !text || (*text && strlen(text) < IF_NAMESIZE && strcmp(text, "lo") != 0 &&
			      strcmp(text, ".") != 0 && strcmp(text, "..") != 0);
	for (const char *c = text; c && *c; c++)
		good &= isalnum((unsigned char)*c) || strchr("_.-", *c);
	return good ? 0
		    : error_set(err, EINVAL,
				"interface name \"%s\": give 1 to %d letters, digits, \"_\", \".\" and \"-\"", text,
				IF_NAMESIZE - 1);
}

int plan_check_network(struct store *store, const struct container_network *network, struct error *err)
{
	auto_network_record struct network_record *record = NULL;
	int r = networks_find(store, network->name, &record, err);
	if (r < 0 || (r = check_ip(record, network->ip, AF_INET, err)) < 0 ||
	    (r = check_ip(record, network->ip6, AF_INET6, err)) < 0 || (r = check_mac(network->mac, err)) < 0)
		return r;
	return check_interface(network->interface, err);
}

int plan_network(struct store *store, const char *text, struct container *container, struct error *err)
{
	auto_network_record struct network_record *record = NULL;
	size_t length = strcspn(text, ":");
	auto_free char *name = xstrndup(text, length);
	auto_strv struct strv options = STRV_INIT;
	int r = networks_find(store, name, &record, err);
	if (r < 0)
		return r;
	if (container_network_find(container, record->name))
		return error_set(err, EINVAL, "network %s is given twice", record->name);
	struct container_network *network = container_network_add(container, record->name);
	if (text[length])
		strv_split(&options, text + length + 1, ',');
	for (size_t i = 0; i < options.count; i++)
		if ((r = take_option(options.items[i], network, err)) < 0)
			return r;
	return plan_check_network(store, network, err);
}

/* ---- the options ---- */

/* --ip and the others mean the one network that there is. */
static int take_addresses(struct store *store, const struct create_options *options, struct container *container,
			  struct error *err)
{
	const struct {
		const char *option, *value;
		size_t offset;
	} texts[] = {
	    {"--ip", options->ip, offsetof(struct container_network, ip)},
	    {"--ip6", options->ip6, offsetof(struct container_network, ip6)},
	    {"--mac-address", options->mac, offsetof(struct container_network, mac)},
	};
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!texts[i].value)
			continue;
		any = true;
		if (container->networks_count != 1)
			return error_set(
			    err, EINVAL,
			    "%s needs exactly one network of yours; with several give it to each: --network NAME:%s",
			    texts[i].option,
			    i == 0   ? "ip=…"
			    : i == 1 ? "ip6=…"
				     : "mac=…");
		replace((char **)((char *)&container->networks[0] + texts[i].offset), texts[i].value);
	}
	if (options->network_aliases.count && !container->networks_count)
		return error_set(
		    err, EINVAL,
		    "--network-alias needs a network of yours, where others could ask for the name: --network NAME");
	for (size_t i = 0; i < container->networks_count; i++)
		strv_add_all(&container->networks[i].aliases, &options->network_aliases);
	return any ? plan_check_network(store, &container->networks[0], err) : 0;
}

int plan_networks(struct store *store, const struct create_options *options, struct container *container,
		  struct error *err)
{
	const struct strv *networks = &options->networks;
	int r = networks->count ? 0 : network_mode("", store->settings.network_program, container, err);
	for (size_t i = 0; r == 0 && i < networks->count; i++) {
		const char *text = networks->items[i];
		if (!network_is_mode(text))
			r = plan_network(store, text, container, err);
		else if (networks->count > 1)
			r = error_set(err, EINVAL, "--network %s cannot be combined with other networks", text);
		else
			r = network_mode(text, store->settings.network_program, container, err);
	}
	if (r == 0 && container->networks_count)
		container->network = xstrdup("bridge");
	return r < 0 ? r : take_addresses(store, options, container, err);
}
