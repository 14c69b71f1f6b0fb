/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/text/text.h"
#include "rootless/userns/internal.h"

/* The number in a sysctl's file; -1 when there is no such file. */
static long read_sysctl(const char *root, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", root, name), *text = NULL;
	if (file_read_at(AT_FDCWD, path, 64, &text, NULL, NULL) < 0)
		return -1;
	return strtol(text, NULL, 10);
}

static const char *cause(const char *root, int errnum)
{
	if (read_sysctl(root, "kernel/unprivileged_userns_clone") == 0)
		return "they are switched off for ordinary users; ask your administrator to run: "
		       "sysctl -w kernel.unprivileged_userns_clone=1";
	if (read_sysctl(root, "user/max_user_namespaces") == 0)
		return "they are switched off; ask your administrator to run: sysctl -w user.max_user_namespaces=15000";
	if (errnum == ENOSPC || errnum == EUSERS)
		return "there are too many, or they are nested too deep; end some containers, or ask your "
		       "administrator to raise "
		       "the sysctl user.max_user_namespaces";
	if (errnum == EINVAL)
		return "this kernel has none (CONFIG_USER_NS)";
	if (errnum != EPERM && errnum != EACCES)
		return NULL;
	if (read_sysctl(root, "kernel/apparmor_restrict_unprivileged_userns") == 1)
		return "AppArmor allows them to named programs only; ask your administrator to install a profile for "
		       "coracle with "
		       "the rule \"userns,\", or to run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
	return "something that runs us forbids them: a sandbox, another container's seccomp profile, or a chroot";
}

int userns_explain_from(const char *sysctl_root, int errnum, struct error *err)
{
	errnum = abs(errnum);
	const char *words = cause(sysctl_root, errnum);
	error_sys(err, errnum, "make a user namespace");
	if (words)
		error_advice(err, "; %s", words);
	return -errnum;
}

int userns_explain(int errnum, struct error *err)
{
	return userns_explain_from("/proc/sys", errnum, err);
}
