/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is on a network is told to all that are on it, and to the bridge: permanent entries of their neighbour tables,
 * instead of questions by ARP and neighbour discovery.
 *
 * The kernel has one such table for each family, for all network namespaces of the machine together, with room for 1024
 * entries (net.ipv4.neigh.default.gc_thresh3, which only the machine's administrator can change) that are kept for five
 * seconds at least. 100 containers that talk to each other want 10000; then connections fail with "no route to host",
 * those of other users too. Permanent entries are not counted.
 *
 * They are made when a container joins, for those who are there, and removed when it leaves: what has left is asked
 * for, and is found not to be there, as ever.
 */
#include <stdlib.h>

#include "libpod/network/keeper/link.h"
#include "libpod/network/keeper/state.h"
#include "pkg/text/text.h"

struct list {
	struct link_neighbour *items;
	size_t count;
};

static void put(struct list *list, const struct ip *address, const uint8_t *mac)
{
	if (!ip_is_set(address))
		return;
	if ((list->count & (list->count - 1)) == 0)
		list->items = xrealloc(list->items, (list->count ? 2 * list->count : 1) * sizeof(*list->items));
	struct link_neighbour *item = &list->items[list->count++];
	*item = (struct link_neighbour){.address = *address};
	__builtin_memcpy(item->mac, mac, sizeof(item->mac));
}

static void put_all(struct list *list, const struct keeper_given *given)
{
	for (uint32_t i = 0; i < given->count; i++)
		put(list, &given->addresses[i].address, given->mac);
}

static const struct attachment *attachment_of(const struct member *member, const struct live_network *network)
{
	const struct attachment *attachment = member->attachments;
	while (attachment && attachment->network != network)
		attachment = attachment->next;
	return attachment && attachment->index && member->netlink >= 0 ? attachment : NULL;
}

/* To all others on the network, and to the bridge. What fails is asked for by ARP. */
static void tell(const struct keeper *keeper, const struct member *member, const struct attachment *attachment,
		 const struct list *own, bool add)
{
	const struct live_network *network = attachment->network;
	link_set_neighbours(keeper->netlink, network->interface_index, own->items, own->count, add);
	for (const struct member *other = keeper->members; other; other = other->next) {
		const struct attachment *theirs = other == member ? NULL : attachment_of(other, network);
		if (theirs)
			link_set_neighbours(other->netlink, theirs->index, own->items, own->count, add);
	}
}

void neighbours_add(const struct keeper *keeper, const struct member *member, const struct attachment *attachment)
{
	const struct live_network *network = attachment->network;
	struct list own = {0}, all = {0};
	put_all(&own, &attachment->given);
	tell(keeper, member, attachment, &own, true);
	for (uint32_t i = 0; i < network->is.subnets_count; i++)
		put(&all, &network->is.subnets[i].gateway, network->mac);
	for (const struct member *other = keeper->members; other; other = other->next) {
		const struct attachment *theirs = other == member ? NULL : attachment_of(other, network);
		if (theirs)
			put_all(&all, &theirs->given);
	}
	link_set_neighbours(member->netlink, attachment->index, all.items, all.count, true);
	free(own.items);
	free(all.items);
}

void neighbours_remove(const struct keeper *keeper, const struct member *member, const struct attachment *attachment)
{
	struct list own = {0};
	put_all(&own, &attachment->given);
	tell(keeper, member, attachment, &own, false);
	free(own.items);
}
