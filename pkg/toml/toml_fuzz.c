/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * Any bytes as a TOML document: what is read can be written as JSON and read again.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=gnu17 -D_GNU_SOURCE -I. -o build/toml_fuzz \
 *		$(ls pkg/toml/[a-z]*.c | grep -v _test) $(ls pkg/{json,file,text,error}/[a-z]*.c | grep -v _test) \
 *		-ljson-c
 *	mkdir -p build/corpus/toml
 *	build/toml_fuzz -max_len=4096 -timeout=20 build/corpus/toml pkg/toml/corpus
 */
/* clang-format on */
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
