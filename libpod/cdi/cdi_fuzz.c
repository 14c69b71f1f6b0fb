/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as the containerEdits of a device's description. */
#include "libpod/cdi/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json struct json_object *json = NULL;
	auto_spec struct spec spec = {0};
	struct error err = ERROR_INIT;
	auto_free char *text = xstrndup((const char *)data, size);
	cdi_is_name(text);
	if (json_parse((const char *)data, size, "fuzz", &json, &err) == 0 &&
	    json_object_is_type(json, json_type_object) && cdi_edit(json, &spec, &err) < 0 && !err.text[0])
		abort();
	return 0;
}
