/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/dns/dns.h"

#include <string.h>
#include <sys/socket.h>

#define LABEL_MAX 63

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

void dns_name_lower(unsigned char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		name[i] = lower(name[i]);
}

size_t dns_name_from_text(const char *text, unsigned char out[DNS_NAME_MAX])
{
	size_t length = 0;
	while (*text) {
		size_t label = strcspn(text, ".");
		if (label == 0 || label > LABEL_MAX || length + label + 2 > DNS_NAME_MAX)
			return 0;
		out[length++] = (unsigned char)label;
		for (size_t i = 0; i < label; i++)
			out[length++] = lower((unsigned char)text[i]);
		text += label;
		text += *text == '.';
	}
	if (length)
		out[length++] = 0;
	return length;
}

size_t dns_name_below(unsigned char *name, size_t length, const unsigned char *domain, size_t domain_length)
{
	/* A shorter name cannot lie below; an equal one is the domain itself. */
	if (length <= domain_length)
		return 0;
	size_t at = 0, below = length - domain_length;
	while (at < below)
		at += 1u + name[at];
	if (at != below || memcmp(name + at, domain, domain_length) != 0)
		return 0;
	name[at] = 0;
	return at + 1;
}

/* ---- in-addr.arpa, ip6.arpa ---- */

/* The label at name[*at], which has to be a decimal number as inet_ntop writes it. */
static bool take_octet(const unsigned char *name, size_t *at, unsigned char *ret)
{
	size_t length = name[*at];
	unsigned value = 0;
	if (length == 0 || length > 3 || (length > 1 && name[*at + 1] == '0'))
		return false;
	for (size_t i = 1; i <= length; i++) {
		unsigned char c = name[*at + i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (unsigned)(c - '0');
	}
	*at += 1 + length;
	*ret = (unsigned char)value;
	return value <= 255;
}

static bool take_nibble(const unsigned char *name, size_t *at, unsigned char *ret)
{
	if (name[*at] != 1)
		return false;
	unsigned char c = name[*at + 1];
	*at += 2;
	if (c >= '0' && c <= '9')
		*ret = (unsigned char)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (unsigned char)(c - 'a' + 10);
	else
		return false;
	return true;
}

bool dns_name_is_reverse(const unsigned char *name, size_t length, int *ret_family, unsigned char ret_address[16])
{
	static const unsigned char ipv4[] = "\7in-addr\4arpa", ipv6[] = "\3ip6\4arpa";
	unsigned char address[16] = {0};
	size_t at = 0;
	/* A name ends with an empty label, at which both of these stop. */
	if (length > sizeof(ipv4) && memcmp(name + length - sizeof(ipv4), ipv4, sizeof(ipv4)) == 0) {
		for (size_t i = 4; i-- > 0;)
			if (!take_octet(name, &at, &address[i]))
				return false;
		if (at != length - sizeof(ipv4))
			return false;
		*ret_family = AF_INET;
	} else if (length > sizeof(ipv6) && memcmp(name + length - sizeof(ipv6), ipv6, sizeof(ipv6)) == 0) {
		for (size_t i = 32; i-- > 0;) {
			unsigned char nibble;
			if (!take_nibble(name, &at, &nibble))
				return false;
			address[i / 2] |= (unsigned char)(i % 2 ? nibble : nibble << 4);
		}
		if (at != length - sizeof(ipv6))
			return false;
		*ret_family = AF_INET6;
	} else {
		return false;
	}
	memcpy(ret_address, address, sizeof(address));
	return true;
}
