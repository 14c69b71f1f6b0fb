/* SPDX-License-Identifier: Apache-2.0 */
/* A file of its own, because coracle-monitor has it too, and nothing of what the commands' side needs. */
#include "libpod/monitor/message.h"

#include <errno.h>
#include <string.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/descriptors/descriptors.h"

int message_send(int fd, const void *data, size_t length, const int *fds, size_t count)
{
	return descriptors_send(fd, data, length, fds, count, 0);
}

int message_receive(int fd, struct monitor_reply *ret, int *ret_fd)
{
	int received;
	size_t count;
	ssize_t n = descriptors_receive(fd, ret, sizeof(*ret), &received, 1, &count, 0);
	/* Of one that went with something of ours unread the kernel tells first, once; what it sent before is given to who asks again. */
	if (n == -ECONNRESET)
		n = descriptors_receive(fd, ret, sizeof(*ret), &received, 1, &count, 0);
	auto_close int given = received;
	if (n <= 0)
		return n < 0 ? (int)n : -ECONNRESET;
	if (n != sizeof(*ret))
		return -EBADMSG;
	ret->text[sizeof(ret->text) - 1] = '\0';
	if (ret_fd)
		*ret_fd = TAKE_FD(given);
	return 0;
}
