/* SPDX-License-Identifier: Apache-2.0 */
/* A record and its JSON. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "libpod/networks/internal.h"
#include "pkg/json/json.h"

struct network_record *network_record_new(void)
{
	return xcalloc(1, sizeof(struct network_record));
}

void network_record_free(struct network_record *record)
{
	if (!record)
		return;
	free(record->name);
	free(record->driver);
	free(record->interface);
	strv_free(&record->labels);
	strv_free(&record->options);
	free(record);
}

void network_list_free(struct network_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		network_record_free(list->items[i]);
	free(list->items);
	*list = (struct network_list){0};
}

/* ---- what the options say ---- */
int network_features(const struct network_record *record, struct network_features *ret, struct error *err)
{
	struct network_features features = {.isolate = true};
	for (size_t i = 0; i < record->options.count; i++) {
		const char *option = record->options.items[i], *value = strchr(option, '=');
		auto_free char *key = xstrndup(option, value ? (size_t)(value - option) : strlen(option));
		int64_t number = 0;
		int r = 0;
		value = value ? value + 1 : "true";
		if (strcmp(key, "mtu") == 0 || strcmp(key, "com.docker.network.driver.mtu") == 0) {
			r = parse_int64(value, "mtu", 68, 65535, &number, err);
			features.mtu = (uint32_t)number;
		} else if (strcmp(key, "metric") == 0) {
			r = parse_int64(value, "metric", 1, INT32_MAX, &number, err);
			features.metric = (uint32_t)number;
		} else if (strcmp(key, "isolate") == 0) {
			features.isolate = true;
			if (strcmp(value, "strict") != 0)
				r = parse_bool(value, "isolate", &features.isolate, err);
		} else if (strcmp(key, "no_default_route") == 0) {
			r = parse_bool(value, key, &features.no_default_route, err);
		} else if (strcmp(key, "host_loopback") == 0) {
			r = parse_bool(value, key, &features.host_loopback, err);
		} else if (strcmp(key, "mode") == 0 || strcmp(key, "macvlan_mode") == 0 ||
			   strcmp(key, "ipvlan_mode") == 0) {
			features.mode = value;
		} else if (strcmp(key, "parent") == 0) {
			features.parent = value;
		} else if (strcmp(key, "com.docker.network.bridge.name") != 0) {
			r = error_set(err, EINVAL, "unsupported %s network option %s", record->driver, key);
		}
		if (r < 0)
			return r;
	}
	*ret = features;
	return 0;
}

/* ---- JSON ---- */
static void add_ip(struct json_object *object, const char *key, const struct ip *ip)
{
	char text[IP_TEXT_MAX];
	if (ip_is_set(ip))
		json_add_string(object, key, ip_format(ip, text));
}

static struct json_object *subnets_json(const struct network_record *record)
{
	struct json_object *array = json_object_new_array();
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < record->subnets_count; i++) {
		const struct network_subnet *subnet = &record->subnets[i];
		struct json_object *object = json_object_new_object();
		json_add_string(object, "subnet", ip_prefix_format(&subnet->prefix, text));
		add_ip(object, "gateway", &subnet->gateway);
		if (ip_is_set(&subnet->first) || ip_is_set(&subnet->last)) {
			struct json_object *range = json_object_new_object();
			add_ip(range, "start_ip", &subnet->first);
			add_ip(range, "end_ip", &subnet->last);
			json_object_object_add(object, "lease_range", range);
		}
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *routes_json(const struct network_record *record)
{
	struct json_object *array = json_object_new_array();
	char text[IP_TEXT_MAX];
	for (size_t i = 0; i < record->routes_count; i++) {
		const struct network_route *route = &record->routes[i];
		struct json_object *object = json_object_new_object();
		json_add_string(object, "destination", ip_prefix_format(&route->destination, text));
		add_ip(object, "gateway", &route->gateway);
		if (route->metric)
			json_add_int(object, "metric", route->metric);
		json_object_array_add(array, object);
	}
	return array;
}

struct json_object *network_record_json(const struct network_record *record)
{
	struct json_object *object = json_object_new_object(), *ipam = json_object_new_object();
	char created[TEXT_STAMP_MAX], text[IP_TEXT_MAX];
	json_add_string(object, "name", record->name);
	json_add_string(object, "id", record->id);
	json_add_string(object, "driver", record->driver);
	if (!text_is_empty(record->interface))
		json_add_string(object, "network_interface", record->interface);
	json_add_string(object, "created", format_rfc3339_nano(created, record->created_ns));
	if (record->subnets_count)
		json_object_object_add(object, "subnets", subnets_json(record));
	if (record->routes_count)
		json_object_object_add(object, "routes", routes_json(record));
	json_add_bool(object, "ipv6_enabled", record->ipv6);
	json_add_bool(object, "internal", record->internal);
	json_add_bool(object, "dns_enabled", record->dns);
	if (record->servers_count) {
		struct json_object *servers = json_object_new_array();
		for (size_t i = 0; i < record->servers_count; i++)
			json_object_array_add(servers, json_object_new_string(ip_format(&record->servers[i], text)));
		json_object_object_add(object, "network_dns_servers", servers);
	}
	if (record->labels.count)
		json_add_map(object, "labels", &record->labels);
	if (record->options.count)
		json_add_map(object, "options", &record->options);
	json_add_string(ipam, "driver", record->subnets_count ? "host-local" : "none");
	json_object_object_add(object, "ipam_options", ipam);
	return object;
}

/* 1, 0 when the member is not there, negative. */
static int get_ip(struct json_object *object, const char *key, struct ip *ret, struct error *err)
{
	const char *text = NULL;
	int r = json_get_string(object, key, &text, err);
	if (r > 0 && !ip_parse(text, ret))
		return error_set(err, EINVAL, "%s: \"%s\" is not an IP address", key, text);
	return r;
}

static int get_prefix(struct json_object *object, const char *key, struct ip_prefix *ret, struct error *err)
{
	const char *text = NULL;
	int r = json_get_string(object, key, &text, err);
	if (r == 0)
		return error_set(err, EINVAL, "%s is missing", key);
	if (r > 0 && !ip_prefix_parse(text, ret))
		return error_set(err, EINVAL, "%s: \"%s\" is not an IP network", key, text);
	return r < 0 ? r : 0;
}

static int get_subnet(struct json_object *object, struct network_subnet *subnet, struct error *err)
{
	struct json_object *range = NULL;
	int r = get_prefix(object, "subnet", &subnet->prefix, err);
	if (r < 0 || (r = get_ip(object, "gateway", &subnet->gateway, err)) < 0 ||
	    (r = json_get_object(object, "lease_range", &range, err)) < 0 ||
	    (r = get_ip(range, "start_ip", &subnet->first, err)) < 0 ||
	    (r = get_ip(range, "end_ip", &subnet->last, err)) < 0)
		return r;
	return 0;
}

static int get_route(struct json_object *object, struct network_route *route, struct error *err)
{
	int64_t metric = 0;
	int r = get_prefix(object, "destination", &route->destination, err);
	if (r < 0 || (r = get_ip(object, "gateway", &route->gateway, err)) < 0 ||
	    (r = json_get_int(object, "metric", 0, UINT32_MAX, &metric, err)) < 0)
		return r;
	route->metric = (uint32_t)metric;
	return 0;
}

/* The members of an array of objects, at most `max`. The count, or negative. */
static int each_object(struct json_object *object, const char *key, size_t max, struct json_object **ret,
		       struct error *err)
{
	struct json_object *array = NULL;
	int r = json_get_array(object, key, &array, err);
	if (r <= 0)
		return r;
	size_t count = json_object_array_length(array);
	if (count > max)
		return error_set(err, E2BIG, "%s: there are more than %zu", key, max);
	for (size_t i = 0; i < count; i++) {
		ret[i] = json_object_array_get_idx(array, i);
		if (!json_object_is_type(ret[i], json_type_object))
			return error_set(err, EINVAL, "%s[%zu]: expected an object", key, i);
	}
	return (int)count;
}

static int get_lists(struct json_object *object, struct network_record *record, struct error *err)
{
	struct json_object *items[NETWORK_ROUTES_MAX] = {NULL};
	auto_strv struct strv servers = STRV_INIT;
	int count = each_object(object, "subnets", NETWORK_SUBNETS_MAX, items, err), r = count;
	for (int i = 0; r >= 0 && i < count; i++)
		r = get_subnet(items[i], &record->subnets[record->subnets_count++], err);
	if (r >= 0)
		r = count = each_object(object, "routes", NETWORK_ROUTES_MAX, items, err);
	for (int i = 0; r >= 0 && i < count; i++)
		r = get_route(items[i], &record->routes[record->routes_count++], err);
	if (r < 0 || (r = json_get_strv(object, "network_dns_servers", &servers, err)) < 0)
		return r;
	for (size_t i = 0; i < servers.count; i++) {
		if (i >= NETWORK_SERVERS_MAX || !ip_parse(servers.items[i], &record->servers[i]))
			return error_set(err, EINVAL,
					 "network_dns_servers[%zu]: expected one of at most %d IP addresses", i,
					 NETWORK_SERVERS_MAX);
		record->servers_count++;
	}
	return 0;
}

static int get_texts(struct json_object *object, struct network_record *record, struct error *err)
{
	const char *id = NULL, *name = NULL, *driver = NULL, *interface = "", *created = NULL;
	int r;
	if ((r = json_get_string(object, "id", &id, err)) < 0 ||
	    (r = json_get_string(object, "name", &name, err)) < 0 ||
	    (r = json_get_string(object, "driver", &driver, err)) < 0 ||
	    (r = json_get_string(object, "network_interface", &interface, err)) < 0 ||
	    (r = json_get_string(object, "created", &created, err)) < 0)
		return r;
	if (!id || strlen(id) != 64 || !text_is_hex(id, 64) || !name || !driver || strlen(interface) >= IF_NAMESIZE)
		return error_set(err, EINVAL, "id, name, driver or network_interface is missing or wrong");
	memcpy(record->id, id, sizeof(record->id));
	record->name = xstrdup(name);
	record->driver = xstrdup(driver);
	record->interface = xstrdup(interface);
	if (created)
		parse_rfc3339(created, &record->created_ns);
	return 0;
}

int network_record_parse(const char *text, size_t length, struct network_record **ret, struct error *err)
{
	auto_json struct json_object *object = NULL;
	auto_network_record struct network_record *record = network_record_new();
	int r = json_parse(text, length, "the record", &object, err);
	if (r < 0 || (r = get_texts(object, record, err)) < 0 || (r = get_lists(object, record, err)) < 0 ||
	    (r = json_get_bool(object, "ipv6_enabled", &record->ipv6, err)) < 0 ||
	    (r = json_get_bool(object, "internal", &record->internal, err)) < 0 ||
	    (r = json_get_bool(object, "dns_enabled", &record->dns, err)) < 0 ||
	    (r = json_get_map(object, "labels", &record->labels, err)) < 0 ||
	    (r = json_get_map(object, "options", &record->options, err)) < 0)
		return r;
	*ret = TAKE_PTR(record);
	return 0;
}
