/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/nameser.h>
#include <string.h>

#include "pkg/dns/dns.h"

#define FLAG_ANSWER              0x8000
#define FLAG_TRUNCATED           0x0200
#define FLAG_RECURSION_AVAILABLE 0x0080
/* Of the query: what was asked for, and whether the answer may be unverified (CD). */
#define FLAGS_KEPT          0x7910
#define OPT_SIZE            11
#define OFFSET_FLAGS        2
#define POINTER_TO_QUESTION (0xc000 | DNS_HEADER_SIZE)

static void put16(unsigned char *at, size_t offset, unsigned value)
{
	at += offset;
	NS_PUT16(value, at);
}

void dns_set_id(unsigned char *message, uint16_t id)
{
	put16(message, 0, id);
}

size_t dns_truncate(unsigned char *message, const struct dns_answer *answer)
{
	message[OFFSET_FLAGS] |= FLAG_TRUNCATED >> 8;
	/* One question, and nothing in the other three sections. */
	memset(message + DNS_HEADER_SIZE - 6, 0, 6);
	return answer->question_end;
}

struct dns_reply dns_reply_begin(const struct dns_query *query, enum dns_rcode rcode, unsigned char *data, size_t limit)
{
	struct dns_reply reply = {
	    .query = query,
	    .data = data,
	    .length = DNS_HEADER_SIZE,
	    .limit = query->edns ? limit - OPT_SIZE : limit,
	    .rcode = rcode,
	};
	if (query->has_question) {
		const struct dns_question *question = &query->question;
		memcpy(data + reply.length, question->name, question->length);
		reply.length += question->length;
		put16(data, reply.length, question->type);
		put16(data, reply.length + 2, question->class);
		reply.length += NS_QFIXEDSZ;
	}
	return reply;
}

void dns_reply_add(struct dns_reply *reply, enum dns_type type, uint32_t ttl, const void *data, size_t length)
{
	size_t size = 2 + NS_RRFIXEDSZ + length;
	if (reply->limit - reply->length < size) {
		reply->truncated = true;
		return;
	}
	unsigned char *at = reply->data + reply->length;
	NS_PUT16(POINTER_TO_QUESTION, at);
	NS_PUT16(type, at);
	NS_PUT16(DNS_CLASS_IN, at);
	NS_PUT32(ttl, at);
	NS_PUT16(length, at);
	memcpy(at, data, length);
	reply->length += size;
	reply->answers++;
}

size_t dns_reply_end(struct dns_reply *reply)
{
	const struct dns_query *query = reply->query;
	unsigned flags = FLAG_ANSWER | FLAG_RECURSION_AVAILABLE | (query->flags & FLAGS_KEPT) | (reply->rcode & 15);
	if (reply->truncated)
		flags |= FLAG_TRUNCATED;
	unsigned char *at = reply->data;
	NS_PUT16(query->id, at);
	NS_PUT16(flags, at);
	NS_PUT16(query->has_question, at);
	NS_PUT16(reply->answers, at);
	NS_PUT16(0, at);
	NS_PUT16(query->edns, at);
	if (query->edns) {
		at = reply->data + reply->length;
		*at++ = 0;
		NS_PUT16(DNS_TYPE_OPT, at);
		NS_PUT16(DNS_UDP_SIZE, at);
		NS_PUT32((uint32_t)reply->rcode >> 4 << 24, at);
		NS_PUT16(0, at);
		reply->length += OPT_SIZE;
	}
	return reply->length;
}
