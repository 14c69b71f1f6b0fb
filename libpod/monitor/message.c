/* SPDX-License-Identifier: Apache-2.0 */
/* A file of its own, because coracle-monitor has it too, and nothing of what the commands' side needs. */
#include "libpod/monitor/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "pkg/cleanup/cleanup.h"

int message_send(int fd, const void *data, size_t length, const int *fds, size_t count)
{
	struct iovec part = {.iov_len = length};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(MONITOR_FDS_MAX * sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	memcpy(&part.iov_base, &data, sizeof(data)); /* sendmsg(2) does not write to it, whatever its type says */
	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){
		    .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	while (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int message_receive(int fd, struct monitor_reply *ret, int *ret_fd)
{
	struct iovec part = {.iov_base = ret, .iov_len = sizeof(*ret)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n;
	while ((n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC)) < 0)
		if (errno != EINTR)
			return -errno;
	auto_close int received = -1;
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(&received, CMSG_DATA(header), sizeof(received));
	if (n == 0)
		return -ECONNRESET;
	if (n != sizeof(*ret))
		return -EBADMSG;
	ret->text[sizeof(ret->text) - 1] = '\0';
	if (ret_fd)
		*ret_fd = TAKE_FD(received);
	return 0;
}
