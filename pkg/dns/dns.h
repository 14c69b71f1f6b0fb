/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns: messages of the domain name system (RFC 1035, section 4; EDNS: RFC 6891): the parts that a forwarding name
 * server needs. Queries are parsed whole, of answers no more than what tells whose they are; names are unpacked by libc
 * (ns_name_unpack, <arpa/nameser.h>), which knows pointers that lead nowhere or in circles.
 *
 * A message may be anything that somebody sent: every function takes all bytes. Nothing is allocated.
 *
 * Names are in wire form, each label behind its length, the root's empty one last. No length octet is a letter's code,
 * so that a whole name can be made lower-case and compared byte by byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX    255 /* the root's label included */
#define DNS_HEADER_SIZE 12
#define DNS_MESSAGE_MAX 65535 /* over TCP */
#define DNS_UDP_MAX     512   /* over UDP, where the asker does not say that it takes more */
#define DNS_UDP_SIZE    1232  /* what we say that we take: no fragments on any path (dnsflagday.net/2020) */

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_ANY = 255,
};

#define DNS_CLASS_IN 1

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16,
};

/* ---- names ---- */
/* "web.example" or "web.example.", in lower case; every octet but a dot stands for itself. The length, or 0 when it is
 * no name: empty, an empty or too long label, too long at all. */
size_t dns_name_from_text(const char *text, unsigned char out[DNS_NAME_MAX]);
void dns_name_lower(unsigned char *name, size_t length);
/* Takes `domain` off the end of `name`, both in lower case. The name's new length, or 0 when it does not lie below it.
 */
size_t dns_name_below(unsigned char *name, size_t length, const unsigned char *domain, size_t domain_length);
/* The address that 4.3.2.1.in-addr.arpa or (32 digits).ip6.arpa stands for (RFC 1035, 3.5; RFC 3596, 2.5); the name in
 * lower case. false: it is none of these. */
bool dns_name_is_reverse(const unsigned char *name, size_t length, int *ret_family, unsigned char ret_address[16]);

/* ---- parsing ---- */
struct dns_question {
	unsigned char name[DNS_NAME_MAX]; /* as it came: letters as the asker wrote them */
	size_t length;
	uint16_t type, class;
};

struct dns_query {
	uint16_t id, flags;
	enum dns_rcode error; /* not DNS_NOERROR: what it has to be answered with */
	bool has_question;
	struct dns_question question;
	bool edns;
	size_t udp_size; /* how long an answer over UDP may be */
};

/* 0, or -EBADMSG: no query, nothing can be answered. */
int dns_parse_query(const unsigned char *message, size_t length, struct dns_query *ret);

struct dns_answer {
	uint16_t id;
	bool truncated;
	enum dns_rcode rcode; /* the header's four bits */
	struct dns_question question;
	size_t question_end; /* where the other sections begin */
};

/* An answer's header and question; the rest is not looked at. 0 or -EBADMSG: no answer, or not to one question. */
int dns_parse_answer(const unsigned char *message, size_t length, struct dns_answer *ret);

/* To the letter, as a resolver must demand of an answer. */
bool dns_question_equal(const struct dns_question *a, const struct dns_question *b);

/* ---- writing ---- */
void dns_set_id(unsigned char *message, uint16_t id);
/* Leaves header and question of an answer that is too long, marked as truncated. Its new length. */
size_t dns_truncate(unsigned char *message, const struct dns_answer *answer);

/* An answer of our own to `query`, in at most `limit` (DNS_UDP_MAX or more) bytes at `data`. */
struct dns_reply {
	const struct dns_query *query;
	unsigned char *data;
	size_t length, limit;
	uint16_t answers;
	bool truncated;
	enum dns_rcode rcode;
};
struct dns_reply dns_reply_begin(const struct dns_query *query, enum dns_rcode rcode, unsigned char *data,
				 size_t limit);
/* A record for the name that was asked for; one that has no room marks the answer as truncated. */
void dns_reply_add(struct dns_reply *reply, enum dns_type type, uint32_t ttl, const void *data, size_t length);
/* The length of the message. */
size_t dns_reply_end(struct dns_reply *reply);
