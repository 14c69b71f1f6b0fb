/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a config.json or a process.json of the OCI runtime specification; what was read can be written, and read
 * again. */
#include "libpod/spec/spec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_spec struct spec spec = {0};
	struct spec_process process = {0};
	struct error err = ERROR_INIT;
	const char *text = (const char *)data;
	if (spec_read(text, size, "fuzz", &spec, &err) < 0 && !err.text[0])
		abort();
	if (spec_process_read(text, size, "fuzz", &process, &err) == 0)
		spec_process_free(&process);
	return 0;
}
