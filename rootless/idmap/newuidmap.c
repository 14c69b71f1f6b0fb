/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "pkg/process/process.h"
#include "pkg/text/text.h"
#include "rootless/idmap/decide.h"

/* Set-user-ID root, or with file capabilities; and on a file system that lets either work. */
static void look_at(const char *name, char *out, size_t size)
{
	auto_free char *path = find_program(name);
	if (!path) {
		snprintf(out, size, "%s is not installed; install the package uidmap (Fedora: shadow-utils)", name);
		return;
	}
	struct stat st;
	struct statvfs fs;
	bool set_user_id = stat(path, &st) == 0 && (st.st_mode & S_ISUID) && st.st_uid == 0;
	if (!set_user_id && getxattr(path, "security.capability", NULL, 0) <= 0)
		snprintf(out, size,
			 "%s is neither set-user-ID root nor has file capabilities; ask your administrator to run: "
			 "chmod u+s %s",
			 path, path);
	else if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID))
		snprintf(out, size, "%s is of no use: its file system is mounted nosuid", path);
}

void newuidmap_problem(char *out, size_t size)
{
	*out = '\0';
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
		snprintf(out, size,
			 "newuidmap can do nothing here: no_new_privs is set on this process (a sandbox, or "
			 "NoNewPrivileges= of a service)");
		return;
	}
	look_at("newuidmap", out, size);
	if (!*out)
		look_at("newgidmap", out, size);
}
