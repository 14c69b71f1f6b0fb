/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user writes behind options (-p, -v, --mount, --tmpfs, -u), and what lies in files that he names or that an
 * image has: environment files, passwd, group. The first byte says which of them the rest is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libpod/plan/mount_request.h"
#include "libpod/plan/plan_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int (*mount_reader)(const char *text, struct mount_request *ret, struct error *err);

static void read_mount(mount_reader reader, const char *text)
{
	auto_mount_request struct mount_request request = {0};
	struct error err = ERROR_INIT;
	if (reader(text, &request, &err) < 0 ? !err.text[0] : !request.destination || request.destination[0] != '/')
		abort();
}

static void read_port(const char *text)
{
	auto_container struct container *container = container_new();
	struct error err = ERROR_INIT;
	if (plan_port(text, container, &err) < 0)
		return;
	for (size_t i = 0; i < container->ports_count; i++)
		if (container->ports[i].range == 0 ||
		    container->ports[i].container_port + container->ports[i].range > 65536)
			abort();
}

static void read_accounts(const char *text)
{
	static const char *const users[] = {"root", "1000", "nobody:users", "0:0", ":5", "x:y:z"};
	struct strv groups = STRV_INIT;
	strv_add(&groups, "users");
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		struct user_identity identity = {0};
		struct error err = ERROR_INIT;
		if (plan_user(users[i], text, text, i % 2 ? &groups : NULL, &identity, &err) < 0 && !err.text[0])
			abort();
		free(identity.groups);
		free(identity.home);
	}
	strv_free(&groups);
}

static void read_env_file(const char *text, size_t length)
{
	struct strv env = STRV_INIT;
	struct error err = ERROR_INIT;
	auto_close int fd = memfd_create("env", MFD_CLOEXEC);
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	if (write(fd, text, length) != (ssize_t)length)
		abort();
	if (plan_env_file(path, &env, &err) == 0)
		for (size_t i = 0; i < env.count; i++)
			if (!strchr(env.items[i], '='))
				abort();
	strv_free(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	auto_free char *text = xstrndup((const char *)data + 1, size - 1);
	switch (data[0]) {
	case 'p':
		read_port(text);
		break;
	case 'v':
		read_mount(mount_request_volume, text);
		break;
	case 't':
		read_mount(mount_request_tmpfs, text);
		break;
	case 'm':
		read_mount(mount_request_mount, text);
		break;
	case 'u':
		read_accounts(text);
		break;
	case 'e':
		read_env_file(text, strlen(text));
		break;
	default:
		break;
	}
	return 0;
}
