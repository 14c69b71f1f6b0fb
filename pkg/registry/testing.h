/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a registry that is a server of the test's own. */
#pragma once

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "pkg/http/test_server.h"
#include "pkg/registry/internal.h"

typedef bool answer_function(struct test_server *server, int fd, const char *request, size_t index);

static inline struct registry *open_with(const struct test_server *server, struct registry_options options)
{
	struct registry *registry = NULL;
	auto_free char *host = xasprintf("127.0.0.1:%d", server->port);
	options.host = host;
	options.user_agent = "test/1";
	options.insecure = true;
	options.stall_timeout_s = 1;
	options.attempts = options.attempts ? options.attempts : 3;
	assert_int_equal(registry_open(&options, &registry, NULL), 0);
	return registry;
}

static inline struct registry *begin(struct test_server *server, answer_function *answer)
{
	assert_int_equal(test_server_start(server, answer), 0);
	return open_with(server, (struct registry_options){0});
}

static inline void end(struct test_server *server, struct registry *registry)
{
	registry_close(registry);
	test_server_stop(server);
}
