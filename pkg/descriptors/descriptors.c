/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/descriptors/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_INHERITED 3

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

int descriptors_send(int socket, const void *data, size_t length, const int *fds, size_t count, int flags)
{
	union control control = {0};
	struct iovec part = {.iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (count > DESCRIPTORS_MAX)
		return -E2BIG;
	memcpy(&part.iov_base, &data, sizeof(data)); /* sendmsg(2) does not write to it, whatever its type says */
	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){
		    .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	while (sendmsg(socket, &message, flags | MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static size_t take(struct msghdr *message, int *fds)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return 0;
	size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	return count;
}

ssize_t descriptors_receive(int socket, void *data, size_t length, int *fds, size_t max, size_t *ret_count, int flags)
{
	union control control;
	struct iovec part = {.iov_base = data, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (max > DESCRIPTORS_MAX)
		return -E2BIG;
	/* Not CMSG_SPACE(): its padding has room for one more, which the kernel would use. */
	if (max) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_LEN(max * sizeof(int));
		memset(fds, -1, max * sizeof(int));
		*ret_count = 0;
	}
	ssize_t n;
	while ((n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC)) < 0)
		if (errno != EINTR)
			return -errno;
	if (max)
		*ret_count = take(&message, fds);
	/* Cut short, and not by us: there was no room for them. */
	if (max && (message.msg_flags & MSG_CTRUNC) && *ret_count < max) {
		while (*ret_count > 0)
			close(fds[--*ret_count]);
		memset(fds, -1, max * sizeof(int));
		return -EMFILE;
	}
	return n;
}

int descriptors_receive_one(int socket, int flags)
{
	char bytes[64];
	int fd;
	size_t count;
	ssize_t n = descriptors_receive(socket, bytes, sizeof(bytes), &fd, 1, &count, flags);
	if (n < 0)
		return (int)n;
	return count ? fd : -EPIPE;
}

int descriptors_check_inherited(int64_t count, struct error *err)
{
	if (count < 0)
		return error_set(err, EINVAL, "%lld descriptors cannot be handed on; give a number from 0 on", (long long)count);
	for (int64_t i = 0; i < count; i++) {
		int flags = fcntl((int)(FIRST_INHERITED + i), F_GETFD);
		if (flags < 0 || (flags & FD_CLOEXEC))
			return error_set(err, EBADF, "descriptor %lld is not open, and all from 3 to %lld are to be handed on; open it, as with %lld<FILE in a shell",
					 (long long)(FIRST_INHERITED + i), (long long)(FIRST_INHERITED + count - 1), (long long)(FIRST_INHERITED + i));
	}
	return 0;
}

void descriptors_close_inherited(unsigned int count)
{
	if (count)
		close_range(FIRST_INHERITED, FIRST_INHERITED + count - 1, 0);
}
