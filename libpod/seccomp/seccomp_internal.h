/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "libpod/seccomp/seccomp.h"
#include "pkg/json/json.h"

/* profile.c: docker's format to OCI's linux.seccomp, for this machine and these capabilities. The caller puts *ret. */
int profile_resolve(struct json_object *profile, uint64_t capabilities, struct json_object **ret, struct error *err);
/* compile.c: OCI's linux.seccomp to a BPF program. Fills all but `oci`. */
int profile_compile(struct json_object *oci, struct seccomp_filter *ret, struct error *err);
/* optimize.c: the same answers from fewer instructions, or the program as it was. */
void program_optimize(struct seccomp_filter *filter);
/* cache.c */
struct cache_key {
	uint64_t parts[2];
};
struct cache_key cache_key_make(const char *kind, const char *text, uint64_t capabilities);
/* 1 when it was there, whole and for this key; 0 otherwise. */
int cache_read(int cache_fd, const struct cache_key *key, struct seccomp_filter *ret);
void cache_write(int cache_fd, const struct cache_key *key, const struct seccomp_filter *filter);
