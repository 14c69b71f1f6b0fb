/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the record of a network: one that was read is the same when it was written and read again. */
#include <stdlib.h>
#include <string.h>

#include "libpod/networks/internal.h"
#include "libpod/networks/networks.h"
#include "pkg/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_network_record struct network_record *record = NULL, *again = NULL;
	struct network_features features;
	struct error err = ERROR_INIT;
	if (network_record_parse((const char *)data, size, &record, &err) < 0)
		return 0;
	network_features(record, &features, &err);
	auto_json struct json_object *first = network_record_json(record);
	auto_free char *text = json_text(first, false);
	if (network_record_parse(text, strlen(text), &again, &err) < 0)
		abort();
	auto_json struct json_object *second = network_record_json(again);
	auto_free char *same = json_text(second, false);
	if (strcmp(text, same) != 0)
		abort();
	return 0;
}
