/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/seccomp/seccomp_internal.h"

/* default.json, laid in by the assembler. */
extern const char seccomp_default_profile[];
__asm__(".pushsection .rodata.seccomp_default_profile, \"a\"\n"
	".globl seccomp_default_profile\n"
	".hidden seccomp_default_profile\n"
	"seccomp_default_profile: .incbin \"libpod/seccomp/default.json\"\n"
	".byte 0\n"
	".popsection\n");

void seccomp_filter_free(struct seccomp_filter *filter)
{
	free(filter->program);
	free(filter->oci);
	*filter = (struct seccomp_filter){0};
}

static int build(const char *text, bool docker, uint64_t capabilities, struct seccomp_filter *ret, struct error *err)
{
	auto_json struct json_object *profile = NULL;
	auto_json struct json_object *oci = NULL;
	int r = json_parse(text, strlen(text), "seccomp profile", &profile, err);
	if (r < 0)
		return r;
	if (docker)
		r = profile_resolve(profile, capabilities, &oci, err);
	else
		oci = json_object_get(profile);
	struct seccomp_filter filter = {0};
	if (r < 0 || (r = profile_compile(oci, &filter, err)) < 0)
		return error_context(err, "seccomp profile");
	program_optimize(&filter);
	filter.oci = json_text(oci, false);
	*ret = filter;
	return 0;
}

static int obtain(int cache_fd, const char *text, bool docker, uint64_t capabilities, struct seccomp_filter *ret,
		  struct error *err)
{
	struct cache_key key = cache_key_make(docker ? "docker" : "oci", text, capabilities);
	if (cache_read(cache_fd, &key, ret))
		return 0;
	int r = build(text, docker, capabilities, ret, err);
	if (r < 0)
		return r;
	cache_write(cache_fd, &key, ret);
	/* What goes into config.json comes back as OCI's, at the next start or exec. */
	if (docker) {
		struct cache_key oci_key = cache_key_make("oci", ret->oci, 0);
		cache_write(cache_fd, &oci_key, ret);
	}
	return 0;
}

int seccomp_default(int cache_fd, uint64_t capabilities, struct seccomp_filter *ret, struct error *err)
{
	return obtain(cache_fd, seccomp_default_profile, true, capabilities, ret, err);
}

int seccomp_profile(int cache_fd, const char *text, uint64_t capabilities, struct seccomp_filter *ret,
		    struct error *err)
{
	return obtain(cache_fd, text, true, capabilities, ret, err);
}

int seccomp_oci(int cache_fd, const char *text, struct seccomp_filter *ret, struct error *err)
{
	return obtain(cache_fd, text, false, 0, ret, err);
}

int seccomp_install(const struct seccomp_filter *filter, struct error *err)
{
	const struct sock_fprog program = {.len = filter->count, .filter = filter->program};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program) < 0)
		return error_sys(err, errno, "install the seccomp filter");
	return 0;
}
