/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/dns/dns.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <string.h>

#define FLAG_ANSWER    0x8000
#define FLAG_TRUNCATED 0x0200
#define OPCODE(flags)  ((flags) >> 11 & 15)
#define RCODE(flags)   ((flags)&15)

struct header {
	uint16_t id, flags, counts[4];
};

static struct header parse_header(const unsigned char *message)
{
	struct header header;
	NS_GET16(header.id, message);
	NS_GET16(header.flags, message);
	for (size_t i = 0; i < 4; i++)
		NS_GET16(header.counts[i], message);
	return header;
}

static size_t name_length(const unsigned char *name)
{
	size_t length = 0;
	while (name[length])
		length += 1u + name[length];
	return length + 1;
}

/* The question behind the header; *ret_end is behind it. */
static bool parse_question(const unsigned char *message, size_t length, struct dns_question *ret, size_t *ret_end)
{
	const unsigned char *at = message + DNS_HEADER_SIZE, *end = message + length;
	int used = ns_name_unpack(message, end, at, ret->name, sizeof(ret->name));
	if (used < 0 || end - at - used < NS_QFIXEDSZ)
		return false;
	at += used;
	ret->length = name_length(ret->name);
	NS_GET16(ret->type, at);
	NS_GET16(ret->class, at);
	*ret_end = (size_t)(at - message);
	return true;
}

/* RFC 6891, 6.1.2: the class is the size, the second octet of the TTL the version. */
static bool take_opt(struct dns_query *query, uint16_t size, uint32_t ttl)
{
	if (query->edns)
		return false;
	query->edns = true;
	query->udp_size = size > DNS_UDP_MAX ? size : DNS_UDP_MAX;
	if (ttl >> 16 & 255)
		query->error = DNS_BADVERS;
	return true;
}

static bool parse_records(const unsigned char *at, const unsigned char *end, const struct header *header,
			  struct dns_query *query)
{
	uint32_t before = (uint32_t)header->counts[1] + header->counts[2], count = before + header->counts[3];
	for (uint32_t i = 0; i < count; i++) {
		const unsigned char *name = at;
		if (ns_name_skip(&at, end) < 0 || end - at < NS_RRFIXEDSZ)
			return false;
		uint16_t type, class, length;
		uint32_t ttl;
		NS_GET16(type, at);
		NS_GET16(class, at);
		NS_GET32(ttl, at);
		NS_GET16(length, at);
		if (end - at < length)
			return false;
		at += length;
		if (type == DNS_TYPE_OPT && (i < before || *name || !take_opt(query, class, ttl)))
			return false;
	}
	return true;
}

int dns_parse_query(const unsigned char *message, size_t length, struct dns_query *ret)
{
	if (length < DNS_HEADER_SIZE || length > DNS_MESSAGE_MAX)
		return -EBADMSG;
	struct header header = parse_header(message);
	if (header.flags & FLAG_ANSWER)
		return -EBADMSG;
	*ret = (struct dns_query){.id = header.id, .flags = header.flags, .udp_size = DNS_UDP_MAX};
	size_t end;
	if (OPCODE(header.flags) != 0)
		ret->error = DNS_NOTIMP;
	else if (header.counts[0] != 1 || !parse_question(message, length, &ret->question, &end) ||
		 (ret->has_question = true, !parse_records(message + end, message + length, &header, ret)))
		ret->error = DNS_FORMERR;
	return 0;
}

int dns_parse_answer(const unsigned char *message, size_t length, struct dns_answer *ret)
{
	if (length < DNS_HEADER_SIZE || length > DNS_MESSAGE_MAX)
		return -EBADMSG;
	struct header header = parse_header(message);
	if (!(header.flags & FLAG_ANSWER) || OPCODE(header.flags) != 0 || header.counts[0] != 1 ||
	    !parse_question(message, length, &ret->question, &ret->question_end))
		return -EBADMSG;
	ret->id = header.id;
	ret->truncated = header.flags & FLAG_TRUNCATED;
	ret->rcode = RCODE(header.flags);
	return 0;
}

bool dns_question_equal(const struct dns_question *a, const struct dns_question *b)
{
	return a->type == b->type && a->class == b->class && a->length == b->length &&
	       memcmp(a->name, b->name, a->length) == 0;
}
