/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/program/program.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "pkg/text/text.h"

static char *beside_us(const char *name)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return NULL;
	self[length] = '\0';
	char *slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return xasprintf("%s/%s", self, name);
}

int program_find(const char *name, char **ret_path, struct error *err)
{
	auto_free char *path = beside_us(name);
	if (!path || access(path, X_OK) < 0) {
		free(path);
		path = xasprintf("%s/%s", CORACLE_LIBEXECDIR, name);
	}
	if (access(path, X_OK) < 0) {
		error_sys(err, errno, "%s", path);
		error_advice(err, "; it belongs to coracle: install coracle again");
		return -ENOENT;
	}
	*ret_path = TAKE_PTR(path);
	return 0;
}
