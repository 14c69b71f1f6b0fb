/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>

#include "libpod/exec/exec_internal.h"
#include "pkg/descriptors/descriptors.h"

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
	int master = descriptors_receive_one(socket, 0);
	if (master == -EPIPE)
		return error_set(err, EPROTO, "no terminal was sent");
	return master < 0 ? error_sys(err, master, "receive the terminal") : master;
}
