/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/container/networks.h"

#include <errno.h>
#include <string.h>

struct text_member {
	const char *key;
	size_t offset;
};
static const struct text_member members[] = {
    {"name", offsetof(struct container_network, name)}, {"interface", offsetof(struct container_network, interface)},
    {"ip", offsetof(struct container_network, ip)},     {"ip6", offsetof(struct container_network, ip6)},
    {"mac", offsetof(struct container_network, mac)},
};

static char **text_of(struct container_network *network, const struct text_member *member)
{
	return (char **)((char *)network + member->offset);
}

static void free_one(struct container_network *network)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		free(*text_of(network, &members[i]));
	strv_free(&network->aliases);
}

void container_networks_free(struct container *container)
{
	for (size_t i = 0; i < container->networks_count; i++)
		free_one(&container->networks[i]);
	free(container->networks);
}

struct container_network *container_network_find(const struct container *container, const char *name)
{
	for (size_t i = 0; i < container->networks_count; i++)
		if (strcmp(container->networks[i].name, name) == 0)
			return &container->networks[i];
	return NULL;
}

void container_network_names(const struct container *container, struct strv *ret)
{
	for (size_t i = 0; i < container->networks_count; i++)
		strv_add(ret, container->networks[i].name);
	if (!container->networks_count && container->network)
		strv_add(ret, container->network);
}

struct container_network *container_network_add(struct container *container, const char *name)
{
	container->networks =
	    xrealloc(container->networks, (container->networks_count + 1) * sizeof(*container->networks));
	struct container_network *network = &container->networks[container->networks_count++];
	*network = (struct container_network){.name = xstrdup(name)};
	return network;
}

void container_network_remove(struct container *container, const char *name)
{
	struct container_network *network = container_network_find(container, name);
	if (!network)
		return;
	size_t behind = (size_t)(&container->networks[container->networks_count] - network) - 1;
	free_one(network);
	memmove(network, network + 1, behind * sizeof(*network));
	container->networks_count--;
}

struct json_object *container_networks_json(const struct container *container)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < container->networks_count; i++) {
		struct container_network *network = &container->networks[i];
		struct json_object *object = json_object_new_object();
		for (size_t j = 0; j < ARRAY_SIZE(members); j++)
			json_add_string(object, members[j].key, *text_of(network, &members[j]));
		if (network->aliases.count)
			json_add_strv(object, "aliases", &network->aliases);
		json_object_array_add(array, object);
	}
	return array;
}

static int parse_one(struct json_object *object, struct container *container, struct error *err)
{
	const char *text = NULL;
	int r = json_object_is_type(object, json_type_object) ? json_get_string(object, "name", &text, err) : 0;
	if (r <= 0)
		return r < 0 ? r : error_set(err, EINVAL, "networks: expected objects with a name");
	struct container_network *network = container_network_add(container, text);
	for (size_t i = 1; i < ARRAY_SIZE(members); i++) {
		if ((r = json_get_string(object, members[i].key, &text, err)) < 0)
			return r;
		if (r > 0)
			*text_of(network, &members[i]) = xstrdup(text);
	}
	r = json_get_strv(object, "aliases", &network->aliases, err);
	return r < 0 ? r : 0;
}

int container_networks_parse(struct json_object *object, struct container *container, struct error *err)
{
	struct json_object *array = NULL;
	int r = json_get_array(object, "networks", &array, err);
	for (size_t i = 0; r > 0 && i < json_object_array_length(array); i++)
		if (parse_one(json_object_array_get_idx(array, i), container, err) < 0)
			r = -EINVAL;
	return r < 0 ? r : 0;
}
