/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The networks, their members, and two hash tables over all of them: names (of a network) and addresses. A member is
 * put together completely before the one that it replaces is let go: when memory runs out everything is as before.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libpod/resolver/internal.h"
#include "pkg/cleanup/cleanup.h"

#define TABLE_MIN 64

static size_t address_length(const struct resolver_address *address)
{
	return address->family == AF_INET6 ? 16 : 4;
}

bool resolver_address_equal(const struct resolver_address *a, const struct resolver_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, address_length(a)) == 0;
}

bool resolver_parse_address(const char *text, struct resolver_address *ret)
{
	struct resolver_address address = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
	if (inet_pton(address.family, text, address.bytes) != 1)
		return false;
	*ret = address;
	return true;
}

/* ---- tables ---- */

/* FNV-1a. */
static uint32_t hash_bytes(uint32_t hash, const void *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const unsigned char *)data)[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static uint32_t hash_name(const struct network *network, const unsigned char *wire, size_t length)
{
	uintptr_t which = (uintptr_t)network;
	return hash_bytes(hash_bytes(2166136261u, &which, sizeof(which)), wire, length);
}

static uint32_t hash_address(const struct resolver_address *address)
{
	return hash_bytes(2166136261u, address->bytes, address_length(address));
}

static struct node *first(const struct table *table, uint32_t hash)
{
	return table->size ? table->buckets[hash & (table->size - 1)] : NULL;
}

/* Room for `more` of them. Longer chains are slower and nothing else: only the very first buckets must be there. */
static int reserve(struct table *table, size_t more)
{
	size_t size = table->size ? table->size : TABLE_MIN;
	while (size < table->count + more)
		size *= 2;
	if (size == table->size)
		return 0;
	struct node **buckets = calloc(size, sizeof(struct node *));
	if (!buckets)
		return table->size ? 0 : -ENOMEM;
	for (size_t i = 0; i < table->size; i++) {
		for (struct node *node = table->buckets[i], *next; node; node = next) {
			next = node->next;
			node->next = buckets[node->hash & (size - 1)];
			buckets[node->hash & (size - 1)] = node;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->size = size;
	return 0;
}

static void insert(struct table *table, struct node *node, uint32_t hash)
{
	struct node **bucket = &table->buckets[hash & (table->size - 1)];
	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
	table->count++;
}

static void take_out(struct table *table, struct node *node)
{
	struct node **link = &table->buckets[node->hash & (table->size - 1)];
	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	table->count--;
}

/* ---- members ---- */

static void member_free(struct member *member)
{
	for (size_t i = 0; i < member->names_count; i++)
		free(member->names[i].wire);
	free(member->names);
	free(member->places);
	free(member->id);
	free(member);
}
DEFINE_CLEANUP(struct member *, member_free)

static bool has_name(const struct member *member, const unsigned char *wire, size_t length)
{
	for (size_t i = 0; i < member->names_count; i++)
		if (member->names[i].length == length && memcmp(member->names[i].wire, wire, length) == 0)
			return true;
	return false;
}

static int copy_names(struct member *member, const char *const *names)
{
	size_t count = 0;
	while (names[count])
		count++;
	member->names = calloc(count + 1, sizeof(*member->names));
	if (!member->names)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		unsigned char wire[DNS_NAME_MAX];
		size_t length = dns_name_from_text(names[i], wire);
		if (length == 0 || has_name(member, wire, length))
			continue;
		struct name *name = &member->names[member->names_count];
		name->wire = malloc(length);
		if (!name->wire)
			return -ENOMEM;
		memcpy(name->wire, wire, length);
		name->length = length;
		name->member = member;
		member->names_count++;
	}
	return 0;
}

static int copy_places(struct member *member, const struct resolver_address *addresses, size_t count)
{
	member->places = calloc(count + 1, sizeof(*member->places));
	if (!member->places)
		return -ENOMEM;
	for (; member->places_count < count; member->places_count++) {
		member->places[member->places_count].member = member;
		member->places[member->places_count].address = addresses[member->places_count];
	}
	return 0;
}

static size_t copy_servers(struct resolver_address *to, const struct resolver_address *from, size_t count)
{
	count = count < SERVERS_MAX ? count : SERVERS_MAX;
	if (count)
		memcpy(to, from, count * sizeof(*to));
	return count;
}

static struct member *member_new(struct network *network, const struct resolver_member *from)
{
	CLEANUP(member_freep) struct member *member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	member->network = network;
	member->same = member;
	member->servers_count = copy_servers(member->servers, from->servers, from->servers_count);
	member->id = strdup(from->id);
	if (!member->id || copy_names(member, from->names) < 0 ||
	    copy_places(member, from->addresses, from->addresses_count) < 0)
		return NULL;
	return TAKE_PTR(member);
}

static struct member *find_member(struct network *network, const char *id)
{
	for (struct member *member = network->members; member; member = member->next)
		if (strcmp(member->id, id) == 0)
			return member;
	return NULL;
}

static void remove_member(struct resolver *resolver, struct member *member)
{
	for (size_t i = 0; i < member->names_count; i++)
		take_out(&resolver->names, &member->names[i].node);
	for (size_t i = 0; i < member->places_count; i++)
		take_out(&resolver->places, &member->places[i].node);
	struct member **link = &member->network->members;
	while (*link != member)
		link = &(*link)->next;
	*link = member->next;
	struct member *before = member->same;
	while (before->same != member)
		before = before->same;
	before->same = member->same;
	member_free(member);
}

static void insert_member(struct resolver *resolver, struct member *member)
{
	struct network *network = member->network;
	for (size_t i = 0; i < member->names_count; i++) {
		struct name *name = &member->names[i];
		insert(&resolver->names, &name->node, hash_name(network, name->wire, name->length));
	}
	for (size_t i = 0; i < member->places_count; i++)
		insert(&resolver->places, &member->places[i].node, hash_address(&member->places[i].address));
	for (struct network *other = resolver->networks; other; other = other->next) {
		struct member *same = find_member(other, member->id);
		if (same) {
			member->same = same->same;
			same->same = member;
			break;
		}
	}
	member->next = network->members;
	network->members = member;
}

int resolver_add_member(struct resolver *resolver, const char *network_name, const struct resolver_member *from,
			struct error *err)
{
	struct network *network = resolver_find_network(resolver, network_name);
	if (!network)
		return error_set(err, ENOENT, "name server: no network \"%s\"", network_name);
	CLEANUP(member_freep) struct member *member = member_new(network, from);
	if (!member || reserve(&resolver->names, member->names_count) < 0 ||
	    reserve(&resolver->places, member->places_count) < 0)
		return error_sys(err, ENOMEM, "name server: add a container");
	resolver_remove_member(resolver, network_name, from->id);
	insert_member(resolver, TAKE_PTR(member));
	return 0;
}

void resolver_remove_member(struct resolver *resolver, const char *network_name, const char *id)
{
	struct network *network = resolver_find_network(resolver, network_name);
	struct member *member = network ? find_member(network, id) : NULL;
	if (member)
		remove_member(resolver, member);
}

/* ---- looking up ---- */

struct member *resolver_find_place(const struct resolver *resolver, const struct resolver_address *address)
{
	uint32_t hash = hash_address(address);
	for (struct node *node = first(&resolver->places, hash); node; node = node->next) {
		struct place *place = (struct place *)node;
		if (node->hash == hash && resolver_address_equal(&place->address, address))
			return place->member;
	}
	return NULL;
}

bool resolver_find_name(const struct resolver *resolver, const struct network *network, const unsigned char *wire,
			size_t length, int family, const struct resolver_address **found, size_t *count)
{
	bool there = false;
	uint32_t hash = hash_name(network, wire, length);
	for (struct node *node = first(&resolver->names, hash); node; node = node->next) {
		const struct name *name = (const struct name *)node;
		const struct member *member = name->member;
		if (node->hash != hash || member->network != network || name->length != length ||
		    memcmp(name->wire, wire, length) != 0)
			continue;
		there = true;
		for (size_t i = 0; i < member->places_count; i++)
			if ((family == AF_UNSPEC || member->places[i].address.family == family) && *count < FOUND_MAX)
				found[(*count)++] = &member->places[i].address;
	}
	return there;
}

/* ---- networks ---- */

struct network *resolver_find_network(const struct resolver *resolver, const char *name)
{
	struct network *network = resolver->networks;
	while (network && strcmp(network->name, name) != 0)
		network = network->next;
	return network;
}

int resolver_add_network(struct resolver *resolver, const struct resolver_network *from, struct error *err)
{
	struct network *network = resolver_find_network(resolver, from->name);
	if (!network) {
		network = calloc(1, sizeof(*network));
		char *name = network ? strdup(from->name) : NULL;
		if (!name) {
			free(network);
			return error_sys(err, ENOMEM, "name server: add a network");
		}
		network->name = name;
		network->next = resolver->networks;
		resolver->networks = network;
	}
	network->internal = from->internal;
	network->domain_length = from->domain ? dns_name_from_text(from->domain, network->domain) : 0;
	network->servers_count = copy_servers(network->servers, from->servers, from->servers_count);
	return 0;
}

static void remove_network(struct resolver *resolver, struct network *network)
{
	for (struct member *member = network->members, *next; member; member = next) {
		next = member->next;
		remove_member(resolver, member);
	}
	struct network **link = &resolver->networks;
	while (*link != network)
		link = &(*link)->next;
	*link = network->next;
	free(network->name);
	free(network);
}

void resolver_remove_network(struct resolver *resolver, const char *name)
{
	struct network *network = resolver_find_network(resolver, name);
	if (!network)
		return;
	for (size_t i = 0; i < resolver->gateways_count; i++) {
		struct gateway *gateway = &resolver->gateways[i];
		if (gateway->network != network)
			continue;
		resolver_end_clients(resolver, i);
		cleanup_close(&gateway->udp);
		cleanup_close(&gateway->tcp);
		*gateway = (struct gateway){.udp = -1, .tcp = -1, .generation = gateway->generation + 1};
	}
	remove_network(resolver, network);
}

void resolver_names_free(struct resolver *resolver)
{
	while (resolver->networks)
		resolver_remove_network(resolver, resolver->networks->name);
	free(resolver->names.buckets);
	free(resolver->places.buckets);
	free(resolver->gateways);
}

int resolver_set_host(struct resolver *resolver, const struct resolver_address *addresses, size_t count,
		      struct error *err)
{
	if (count > SERVERS_MAX)
		return error_set(err, E2BIG, "name server: %zu addresses of the host, at most %d", count, SERVERS_MAX);
	resolver->host_count = copy_servers(resolver->host_addresses, addresses, count);
	return 0;
}
