/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal is made from the container's own devpts, so that its name is right inside. Its slave is taken from the
 * master (TIOCGPTPEER), not opened by name: what lies at that name is the container's to choose. The master goes to who
 * asked for it (terminal, in config.md), as runc does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/file/file.h"

static int open_master(int root_fd, struct error *err)
{
	struct statfs fs;
	struct stat st;
	auto_close int master = open_in_root(root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
	if (master < 0)
		return error_sys(err, master, "open /dev/pts/ptmx");
	if (fstatfs(master, &fs) < 0 || fstat(master, &st) < 0)
		return error_sys(err, errno, "look at /dev/pts/ptmx");
	if (fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return error_set(err, EPERM, "/dev/pts/ptmx is not a terminal multiplexer");
	return TAKE_FD(master);
}

int descriptor_send(int socket, int fd, const char *what, struct error *err)
{
	/* What a console socket expects (crun, runc); others do not look at it. */
	static const char name[] = "/dev/ptmx";
	int r = descriptors_send(socket, name, sizeof(name), &fd, 1, 0);
	return r < 0 ? error_sys(err, r, "hand on %s", what) : 0;
}

int console_open(const struct spec_process *process, int root_fd, int socket, int *ret_slave, struct error *err)
{
	auto_close int master = open_master(root_fd, err);
	if (master < 0)
		return master;
	int unlock = 0;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return error_sys(err, errno, "unlock the terminal");
	auto_close int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_sys(err, errno, "open the terminal's other end");
	/* Its user opens it again as /dev/stdout and the like. An id that is not mapped cannot own it, and cannot be
	 * the user's. */
	if (process->uid != 0 && fchown(slave, process->uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM)
		return error_sys(err, errno, "give the terminal to user %u", process->uid);
	struct winsize size = {.ws_row = process->rows, .ws_col = process->columns};
	if (process->rows && process->columns && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return error_sys(err, errno, "set the size of the terminal");
	int r = descriptor_send(socket, master, "the terminal", err);
	if (r < 0)
		return r;
	*ret_slave = TAKE_FD(slave);
	return 0;
}

int console_mount(int root_fd, int slave, struct error *err)
{
	auto_close int dev = open_in_root(root_fd, "dev", O_PATH | O_DIRECTORY, 0);
	auto_close int clone = mount_clone(slave, "", false);
	if (dev < 0 || clone < 0)
		return error_sys(err, dev < 0 ? dev : clone, "prepare /dev/console");
	int r = device_place(dev, "console", clone);
	return r < 0 ? error_sys(err, r, "make /dev/console") : 0;
}

int console_adopt(int slave, struct error *err)
{
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return error_sys(err, errno, "take the terminal as our own");
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return error_sys(err, errno, "take the terminal as standard input and output");
	return 0;
}
