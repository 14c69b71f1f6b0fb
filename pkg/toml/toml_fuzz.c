/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a TOML document: what is read can be written as JSON and read again.
 */
#include <stdint.h>

#include "pkg/toml/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json struct json_object *tree = NULL;
	struct error err = ERROR_INIT;
	if (toml_parse((const char *)data, size, "fuzz", &tree, &err) == 0) {
		auto_free char *text = json_text(tree, true);
		if (!text || toml_line(tree) != 1)
			abort();
	} else if (!*err.text) {
		abort();
	}
	return 0;
}
