/* SPDX-License-Identifier: Apache-2.0 */
/* sign: a signature beside a manifest that has been pushed, stored as cosign does: added to the manifest with the tag
 * sha256-<hex>.sig. */
#pragma once

#include "storage/remote/remote.h"

int push_signature(const struct remote *remote, const struct reference *name, const char *manifest_digest,
		   const char *key_file, const char *passphrase_file, struct error *err);
