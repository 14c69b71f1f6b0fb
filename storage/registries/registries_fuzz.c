/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as registries.conf, and what it then says of some names.
 */
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
