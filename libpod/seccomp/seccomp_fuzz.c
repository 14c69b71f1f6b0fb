/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a profile in docker's format, and as linux.seccomp. Nothing is installed. */
#include "libpod/seccomp/seccomp.h"

#include <stdlib.h>

#include "pkg/text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compile(const char *text, bool docker)
{
	auto_seccomp_filter struct seccomp_filter filter = {0};
	struct error err = ERROR_INIT;
	int r = docker ? seccomp_profile(-1, text, 0xa80425fb, &filter, &err) : seccomp_oci(-1, text, &filter, &err);
	if (r < 0 ? !err.text[0] : !filter.program || !filter.oci)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	compile(text, true);
	compile(text, false);
	return 0;
}
