/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * Any bytes as an auth file: finding, storing and erasing in what it says. Where it names helpers they are not there.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=gnu17 -D_GNU_SOURCE -I. -o build/auth_fuzz \
 *		$(ls storage/auth/[a-z]*.c pkg/{base64,json,file,text,error,process}/[a-z]*.c | grep -v _test) \
 *		-ljson-c -lcrypto
 *	mkdir -p build/corpus/auth
 *	build/auth_fuzz -max_len=4096 -timeout=20 build/corpus/auth storage/auth/corpus
 */
/* clang-format on */
#include <stdint.h>
#include <string.h>

#include "storage/auth/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct credentials ours = {.username = (char *)"name", .password = (char *)"pass:word"};
	auto_credentials struct credentials before = {0}, after = {0};
	auto_json struct json_object *tree = NULL;
	struct error err = ERROR_INIT;
	setenv("PATH", "/nonexistent", 1);
	if (json_parse((const char *)data, size, "fuzz", &tree, &err) < 0)
		return 0;
	auth_entry_find(tree, "example.com/a/b", &before, &err);
	if (auth_entry_store(tree, "docker.io", &ours, &err) == 0 &&
	    (auth_entry_find(tree, "docker.io/library/x", &after, &err) != 1 ||
	     strcmp(after.password, "pass:word") != 0)) {
		/* A longer key, or a helper of its own, is for it alone. */
		credentials_clear(&after);
		if (auth_entry_find(tree, "docker.io", &after, &err) != 1)
			abort();
	}
	auth_entry_erase(tree, "example.com", &err);
	auth_entry_erase_all(tree, &err);
	return 0;
}
