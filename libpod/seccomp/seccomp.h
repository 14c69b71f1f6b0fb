/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: docker's profile format and OCI's linux.seccomp, compiled once.
 *
 * A compiled program is kept in <root>/cache/seccomp/<key>, key = digest of (profile text, capabilities, architecture,
 * kernel release, our version), so that a start just reads a few kilobytes. A missing or damaged cache file is compiled
 * anew and replaced by rename. `cache_fd` is <root>/cache; -1: nothing is kept. A cache that cannot be written is no
 * error.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/error/error.h"

struct seccomp_filter {
	void *program;  /* struct sock_filter[] */
	uint16_t count; /* of instructions */
	uint32_t flags; /* SECCOMP_FILTER_FLAG_… that the profile asks for */
	char *oci;      /* linux.seccomp as JSON text: what goes into config.json */
};
void seccomp_filter_free(struct seccomp_filter *filter);
#define auto_seccomp_filter CLEANUP(seccomp_filter_free)

/* The default profile (equal in effect to docker's) for a container with these bounding capabilities. */
int seccomp_default(int cache_fd, uint64_t capabilities, struct seccomp_filter *ret, struct error *err);
/* A profile in docker's format (includes, excludes, archMap, minKernel …), from --security-opt seccomp=FILE. */
int seccomp_profile(int cache_fd, const char *text, uint64_t capabilities, struct seccomp_filter *ret,
		    struct error *err);
/* linux.seccomp of an OCI config.json. */
int seccomp_oci(int cache_fd, const char *text, struct seccomp_filter *ret, struct error *err);
/* For root in single-id mode: chown and its family, setuid, setgid, setgroups and theirs, mknod return 0 without doing
 * anything. Installed before the other filter. Precompiled: no cache. */
int seccomp_install_fake_ownership(struct error *err);
int seccomp_install(const struct seccomp_filter *filter, struct error *err);
