/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "libpod/network/forward/protocol.h"

int listening_of(int fd, struct listening *ret)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(address);
	int type = 0;
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	length = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
		return -errno;
	struct listening listening = {.tcp = type == SOCK_STREAM, .family = (uint8_t)address.ss_family, .count = 1};
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
		memcpy(listening.address, &in->sin_addr, sizeof(in->sin_addr));
		listening.first = ntohs(in->sin_port);
	} else if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
		memcpy(listening.address, &in6->sin6_addr, sizeof(in6->sin6_addr));
		listening.first = ntohs(in6->sin6_port);
	} else {
		return -EAFNOSUPPORT;
	}
	*ret = listening;
	return 0;
}

int listening_set(const char *protocol, const char *ip, uint16_t first, uint16_t count, struct listening *ret)
{
	struct listening set = {.tcp = strcmp(protocol, "tcp") == 0, .first = first, .count = count};
	if (!*ip)
		set.family = AF_UNSPEC;
	else if (inet_pton(AF_INET, ip, set.address) == 1)
		set.family = AF_INET;
	else if (inet_pton(AF_INET6, ip, set.address) == 1)
		set.family = AF_INET6;
	else
		return -EINVAL;
	*ret = set;
	return 0;
}

bool listening_has(const struct listening *set, int fd)
{
	static const uint8_t all[sizeof(set->address)];
	struct listening it = {.count = 0};
	if (listening_of(fd, &it) < 0 || it.tcp != set->tcp || it.first < set->first ||
	    it.first >= (uint32_t)set->first + set->count)
		return false;
	if (set->family == AF_UNSPEC)
		return memcmp(it.address, all, sizeof(all)) == 0;
	return it.family == set->family && memcmp(it.address, set->address, sizeof(it.address)) == 0;
}
