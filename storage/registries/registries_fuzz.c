/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * Any bytes as registries.conf, and what it then says of some names.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=gnu17 -D_GNU_SOURCE -I. -o build/registries_fuzz \
 *		$(ls storage/{registries,reference}/[a-z]*.c pkg/{toml,json,file,text,error}/[a-z]*.c |
 *			grep -vE '_test|toml_fuzz') -ljson-c
 *	mkdir -p build/corpus/registries
 *	build/registries_fuzz -max_len=4096 -timeout=20 build/corpus/registries pkg/toml/corpus
 */
/* clang-format on */
#include <stdint.h>

#include "pkg/toml/toml.h"
#include "storage/registries/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"debian", "docker.io/busybox:1", "a.example.com:5000/x/y@sha256:0",
					    "example.com/x", "localhost/x:2"};
	auto_registries struct registries *registries = xcalloc(1, sizeof(*registries));
	auto_json struct json_object *tree = NULL;
	struct error err = ERROR_INIT;
	if (toml_parse((const char *)data, size, "fuzz", &tree, &err) < 0 ||
	    registries_add_tree(registries, tree, "fuzz", &err) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_reference_list struct reference_list list = {0};
		if (registries_resolve(registries, names[i], &list, &err) < 0)
			continue;
		for (size_t j = 0; j < list.count; j++) {
			auto_endpoint_list struct endpoint_list endpoints = {0};
			if (registries_endpoints(registries, &list.items[j], true, &endpoints, &err) == 0 &&
			    endpoints.count == 0)
				abort();
		}
	}
	return 0;
}
