/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as the name of an image: what is accepted reads the same again, also when it is completed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/reference/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct reference *reference)
{
	auto_reference struct reference again = {0};
	auto_free char *text = reference_text(reference);
	if (reference_parse(text, &again, NULL) < 0)
		abort();
	auto_free char *second = reference_text(&again);
	if (strcmp(text, second) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_reference struct reference reference = {0};
	struct error err = ERROR_INIT;
	if (reference_parse(text, &reference, &err) < 0) {
		if (!*err.text)
			abort();
		return 0;
	}
	expect_same(&reference);
	/* With docker.io/library/ in front it may become too long to be a name. */
	if (size < 200) {
		reference_normalize_docker(&reference);
		expect_same(&reference);
	}
	return 0;
}
