/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip: IP addresses and networks (prefixes) of both families, as plain values: reading, printing, comparing, counting.
 *
 * Text is that of inet_pton(3) and RFC 4632 ("10.89.0.0/24", "fd00::/64"). An address whose family is 0 is none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define IP_TEXT_MAX 64 /* an address, or a prefix, and its NUL */

struct ip {
	uint16_t family;   /* AF_INET, AF_INET6; 0: none */
	uint8_t bytes[16]; /* in network byte order; AF_INET uses the first 4, and the others are 0 */
};

struct ip_prefix {
	struct ip address; /* its first address: what is behind the prefix is 0 */
	uint8_t bits;
};

/* false: it is no address. A zone ("fe80::1%eth0") makes it none. */
bool ip_parse(const char *text, struct ip *ret);
/* "" for none. `out` has IP_TEXT_MAX bytes and is returned. */
char *ip_format(const struct ip *ip, char *out);
/* "ADDRESS/BITS"; bits behind the prefix are cleared. false: it is none. */
bool ip_prefix_parse(const char *text, struct ip_prefix *ret);
char *ip_prefix_format(const struct ip_prefix *prefix, char *out);

static inline bool ip_is_set(const struct ip *ip)
{
	return ip->family != 0;
}
/* Bits in an address of the family: 32 or 128. */
static inline uint8_t ip_bits(uint16_t family)
{
	return family == AF_INET6 ? 128 : 32;
}
bool ip_equal(const struct ip *a, const struct ip *b);
/* As numbers: negative, 0, positive. Families in the order of their constants. */
int ip_compare(const struct ip *a, const struct ip *b);
/* The address `n` further; false: there is none in the family. */
bool ip_add(struct ip *ip, uint64_t n);

bool ip_prefix_has(const struct ip_prefix *prefix, const struct ip *ip);
bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b);
/* Its last address: for IPv4 that of the broadcast. */
struct ip ip_prefix_last(const struct ip_prefix *prefix);
/* "255.255.255.0", of an IPv4 prefix. */
struct ip ip_prefix_mask(const struct ip_prefix *prefix);
/* Whether the prefix gives this address to machines: neither its first, which means the network (IPv4) or any router
 * (RFC 4291, 2.6.1), nor the IPv4 broadcast. Prefixes of one and two addresses (RFC 3021, 6164) give all of theirs. */
bool ip_prefix_is_host(const struct ip_prefix *prefix, const struct ip *ip);
