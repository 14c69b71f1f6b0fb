/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache/seccomp/<key>: a struct header, the program, the OCI text. Read with two system calls, open and read; believed
 * when its key and its checksum are right, so that a torn, foreign or damaged file is just compiled anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "libpod/seccomp/seccomp_internal.h"
#include "pkg/file/file.h"

#define CACHE_MAX   (512 << 10)
#define NAME_LENGTH (sizeof("seccomp/") + 32)
#define HASH_PRIME  0x9e3779b97f4a7c15ULL

struct header {
	struct cache_key key;
	uint64_t checksum; /* of all that follows it */
	uint32_t oci_length;
	uint32_t flags;
	uint32_t count;
	uint32_t reserved;
};

/* Not for adversaries: the cache is the user's own. Eight bytes at a time, for it runs at every start over some ten
 * kilobytes. */
static uint64_t hash(uint64_t seed, const void *data, size_t length)
{
	const unsigned char *at = data;
	uint64_t h = seed ^ length;
	for (; length >= 8; at += 8, length -= 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		h = (h ^ word) * HASH_PRIME;
		h ^= h >> 32;
	}
	for (; length; at++, length--)
		h = (h ^ *at) * HASH_PRIME;
	return h ^ h >> 29;
}

struct cache_key cache_key_make(const char *kind, const char *text, uint64_t capabilities)
{
	struct utsname kernel = {0};
	struct cache_key key = {{1, 2}};
	uname(&kernel);
	for (size_t i = 0; i < ARRAY_SIZE(key.parts); i++) {
		uint64_t h = key.parts[i] * HASH_PRIME;
		h = hash(h, kind, strlen(kind));
		h = hash(h, CORACLE_VERSION, strlen(CORACLE_VERSION));
		h = hash(h, kernel.machine, strlen(kernel.machine));
		h = hash(h, kernel.release, strlen(kernel.release));
		h = hash(h, &capabilities, sizeof(capabilities));
		key.parts[i] = hash(h, text, strlen(text));
	}
	return key;
}

static void name_of(const struct cache_key *key, char *out)
{
	snprintf(out, NAME_LENGTH, "seccomp/%016" PRIx64 "%016" PRIx64, key->parts[0], key->parts[1]);
}

static uint64_t checksum_of(const char *data, size_t length)
{
	const size_t from = offsetof(struct header, oci_length);
	return hash(3, data + from, length - from);
}

static bool is_whole(const char *data, size_t length, const struct cache_key *key, struct header *ret)
{
	if (length < sizeof(*ret))
		return false;
	memcpy(ret, data, sizeof(*ret));
	if (memcmp(&ret->key, key, sizeof(*key)) != 0 || ret->count == 0 || ret->count > BPF_MAXINSNS ||
	    length != sizeof(*ret) + ret->count * sizeof(struct sock_filter) + ret->oci_length)
		return false;
	return ret->checksum == checksum_of(data, length);
}

int cache_read(int cache_fd, const struct cache_key *key, struct seccomp_filter *ret)
{
	char name[NAME_LENGTH];
	struct header header;
	if (cache_fd < 0)
		return 0;
	name_of(key, name);
	auto_close int fd = openat(cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	auto_free char *data = xmalloc(CACHE_MAX);
	/* A file that is longer than that, or read in part, has the wrong length. */
	ssize_t length = read(fd, data, CACHE_MAX);
	if (length < 0 || !is_whole(data, (size_t)length, key, &header))
		return 0;
	size_t program = header.count * sizeof(struct sock_filter);
	ret->program = xmalloc(program);
	memcpy(ret->program, data + sizeof(header), program);
	ret->count = (uint16_t)header.count;
	ret->flags = header.flags;
	ret->oci = xstrndup(data + sizeof(header) + program, header.oci_length);
	return 1;
}

/* Whether it can be kept or not, the filter is there. */
void cache_write(int cache_fd, const struct cache_key *key, const struct seccomp_filter *filter)
{
	char name[NAME_LENGTH];
	struct header header = {
	    .key = *key,
	    .oci_length = (uint32_t)strlen(filter->oci),
	    .flags = filter->flags,
	    .count = filter->count,
	};
	if (cache_fd < 0)
		return;
	auto_strbuf struct strbuf file = STRBUF_INIT;
	strbuf_add(&file, &header, sizeof(header));
	strbuf_add(&file, filter->program, filter->count * sizeof(struct sock_filter));
	strbuf_add(&file, filter->oci, header.oci_length);
	header.checksum = checksum_of(file.data, file.length);
	memcpy(file.data, &header, sizeof(header));
	if (file.length >= CACHE_MAX || (mkdirat(cache_fd, "seccomp", 0700) < 0 && errno != EEXIST))
		return;
	name_of(key, name);
	file_write_at(cache_fd, name, file.data, file.length, 0600, 0, NULL);
}
