/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "libpod/exec/exec_internal.h"

int exec_console_pair(int *ret_ours, int *ret_theirs, struct error *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_sys(err, errno, "make a socket for the terminal");
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	return 0;
}

int exec_console_receive(int socket, struct error *err)
{
	char data[64];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec vector = {data, sizeof(data)};
	struct msghdr message = {
	    .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0)
		return error_sys(err, errno, "receive the terminal");
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return error_set(err, EPROTO, "no terminal was sent");
	int master;
	memcpy(&master, CMSG_DATA(header), sizeof(master));
	return master;
}
