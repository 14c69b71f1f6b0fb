/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/ip/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return false;
	*ret = ip;
	return true;
}

char *ip_format(const struct ip *ip, char *out)
{
	*out = '\0';
	if (ip_is_set(ip))
		inet_ntop(ip->family, ip->bytes, out, IP_TEXT_MAX);
	return out;
}

/* Sets all bits behind the first `bits` to 0 or to 1. */
static void fill_behind(struct ip *ip, uint8_t bits, bool ones)
{
	for (unsigned int i = bits; i < ip_bits(ip->family); i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);
		if (ones)
			ip->bytes[i / 8] |= bit;
		else
			ip->bytes[i / 8] &= (uint8_t)~bit;
	}
}

bool ip_prefix_parse(const char *text, struct ip_prefix *ret)
{
	char address[IP_TEXT_MAX];
	const char *slash = strchr(text, '/');
	struct ip_prefix prefix;
	unsigned int bits = 0;
	int end = -1;
	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (slash[1] < '0' || slash[1] > '9' || sscanf(slash + 1, "%3u%n", &bits, &end) != 1 || slash[1 + end] ||
	    !ip_parse(address, &prefix.address) || bits > ip_bits(prefix.address.family))
		return false;
	prefix.bits = (uint8_t)bits;
	fill_behind(&prefix.address, prefix.bits, false);
	*ret = prefix;
	return true;
}

char *ip_prefix_format(const struct ip_prefix *prefix, char *out)
{
	ip_format(&prefix->address, out);
	if (*out)
		snprintf(out + strlen(out), IP_TEXT_MAX - strlen(out), "/%u", prefix->bits);
	return out;
}

int ip_compare(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return ip_compare(a, b) == 0;
}

bool ip_add(struct ip *ip, uint64_t n)
{
	struct ip sum = *ip;
	for (int i = ip_bits(ip->family) / 8 - 1; i >= 0 && n; i--) {
		uint64_t byte = sum.bytes[i] + (n & 0xff);
		sum.bytes[i] = (uint8_t)byte;
		n = (n >> 8) + (byte >> 8);
	}
	if (n)
		return false;
	*ip = sum;
	return true;
}

bool ip_prefix_has(const struct ip_prefix *prefix, const struct ip *ip)
{
	struct ip network = *ip;
	if (ip->family != prefix->address.family)
		return false;
	fill_behind(&network, prefix->bits, false);
	return ip_equal(&network, &prefix->address);
}

bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->bits < b->bits ? ip_prefix_has(a, &b->address) : ip_prefix_has(b, &a->address);
}

struct ip ip_prefix_last(const struct ip_prefix *prefix)
{
	struct ip last = prefix->address;
	fill_behind(&last, prefix->bits, true);
	return last;
}

struct ip ip_prefix_mask(const struct ip_prefix *prefix)
{
	struct ip mask = {.family = prefix->address.family};
	fill_behind(&mask, 0, true);
	fill_behind(&mask, prefix->bits, false);
	return mask;
}

bool ip_prefix_is_host(const struct ip_prefix *prefix, const struct ip *ip)
{
	if (!ip_prefix_has(prefix, ip))
		return false;
	if (prefix->bits + 1 >= ip_bits(ip->family))
		return true;
	struct ip last = ip_prefix_last(prefix);
	return !ip_equal(ip, &prefix->address) && !(ip->family == AF_INET && ip_equal(ip, &last));
}
