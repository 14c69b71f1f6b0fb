/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from memory: containers, the host's own name, and the names of addresses. */
#include <string.h>

#include "libpod/resolver/internal.h"

/* A container that starts anew can have another address: nobody should remember the old one for long. */
#define TTL 5

struct lookup {
	const struct resolver *resolver;
	unsigned char name[DNS_NAME_MAX]; /* lower case */
	size_t length;
	int family; /* AF_UNSPEC: any */
	bool there; /* the name is known, or nobody else may be asked for it */
	bool known;
	const struct resolver_address *found[FOUND_MAX];
	size_t count;
};

static void look_in(struct lookup *lookup, const struct network *network)
{
	lookup->known |= resolver_find_name(lookup->resolver, network, lookup->name, lookup->length, lookup->family,
					    lookup->found, &lookup->count);
	if (!network->domain_length)
		return;
	unsigned char below[DNS_NAME_MAX];
	memcpy(below, lookup->name, lookup->length);
	size_t length = dns_name_below(below, lookup->length, network->domain, network->domain_length);
	if (!length)
		return;
	lookup->there = true;
	lookup->known |=
	    resolver_find_name(lookup->resolver, network, below, length, lookup->family, lookup->found, &lookup->count);
}

static void look_at_host(struct lookup *lookup)
{
	static const char *const names[] = {"host.containers.internal", "host.docker.internal"};
	const struct resolver *resolver = lookup->resolver;
	for (size_t i = 0; resolver->host_count && i < 2; i++) {
		unsigned char wire[DNS_NAME_MAX];
		size_t length = dns_name_from_text(names[i], wire);
		if (length != lookup->length || memcmp(wire, lookup->name, length) != 0)
			continue;
		lookup->known = true;
		for (size_t k = 0; k < resolver->host_count; k++)
			if (lookup->family == AF_UNSPEC || resolver->host_addresses[k].family == lookup->family)
				lookup->found[lookup->count++] = &resolver->host_addresses[k];
	}
}

static void send_found(struct resolver *resolver, const struct asker *asker, const struct dns_query *query,
		       const struct lookup *lookup)
{
	struct dns_reply reply = dns_reply_begin(query, lookup->known ? DNS_NOERROR : DNS_NXDOMAIN, resolver->out,
						 resolver_limit(asker, query));
	uint32_t begin = lookup->count > 1 ? resolver->turn++ : 0;
	for (size_t i = 0; i < lookup->count; i++) {
		const struct resolver_address *address = lookup->found[(begin + i) % lookup->count];
		bool ipv6 = address->family == AF_INET6;
		dns_reply_add(&reply, ipv6 ? DNS_TYPE_AAAA : DNS_TYPE_A, TTL, address->bytes, ipv6 ? 16 : 4);
	}
	resolver_reply(resolver, asker, resolver->out, dns_reply_end(&reply));
}

/* ---- names of addresses ---- */

static bool sees(const struct network *network, const struct member *member, const struct network *other)
{
	if (!member)
		return network == other;
	const struct member *at = member;
	do {
		if (at->network == other)
			return true;
		at = at->same;
	} while (at != member);
	return false;
}

static bool answer_reverse(struct resolver *resolver, const struct asker *asker, const struct network *network,
			   const struct member *member, const struct dns_query *query, const struct lookup *lookup)
{
	struct resolver_address address;
	if (!dns_name_is_reverse(lookup->name, lookup->length, &address.family, address.bytes))
		return false;
	const struct member *owner = resolver_find_place(resolver, &address);
	if (!owner || !owner->names_count || !sees(network, member, owner->network))
		return false;
	struct dns_reply reply = dns_reply_begin(query, DNS_NOERROR, resolver->out, resolver_limit(asker, query));
	if (query->question.type == DNS_TYPE_PTR || query->question.type == DNS_TYPE_ANY)
		dns_reply_add(&reply, DNS_TYPE_PTR, TTL, owner->names[0].wire, owner->names[0].length);
	resolver_reply(resolver, asker, resolver->out, dns_reply_end(&reply));
	return true;
}

bool resolver_answer_local(struct resolver *resolver, const struct asker *asker, const struct network *network,
			   const struct member *member, const struct dns_query *query)
{
	const struct dns_question *question = &query->question;
	if (question->class != DNS_CLASS_IN)
		return false;
	struct lookup lookup;
	lookup.resolver = resolver;
	lookup.there = lookup.known = false;
	lookup.count = 0;
	lookup.length = question->length;
	memcpy(lookup.name, question->name, question->length);
	dns_name_lower(lookup.name, lookup.length);
	lookup.family = question->type == DNS_TYPE_A      ? AF_INET
			: question->type == DNS_TYPE_AAAA ? AF_INET6
			: question->type == DNS_TYPE_ANY  ? AF_UNSPEC
							  : -1; /* there is nothing of any other type */
	if (answer_reverse(resolver, asker, network, member, query, &lookup))
		return true;
	const struct member *at = member;
	if (!member)
		look_in(&lookup, network);
	else
		do {
			look_in(&lookup, at->network);
			at = at->same;
		} while (at != member);
	if (!lookup.known)
		look_at_host(&lookup);
	if (lookup.known || lookup.there)
		send_found(resolver, asker, query, &lookup);
	return lookup.known || lookup.there;
}
