/* SPDX-License-Identifier: Apache-2.0 */
/* upload: small blobs. */
#pragma once

#include "storage/remote/remote.h"

/* Makes the blob be there, sending it if it is not. */
int push_memory(const struct remote *remote, const char *digest, const void *data, size_t length, struct error *err);
