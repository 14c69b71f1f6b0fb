/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/checksum/checksum.h"

#include <string.h>
#include <xxhash.h>

#include "pkg/text/text.h"

struct checksum {
	XXH3_state_t *state;
};

int checksum_new(struct checksum **ret, struct error *err)
{
	auto_checksum struct checksum *checksum = xcalloc(1, sizeof(*checksum));
	checksum->state = XXH3_createState();
	if (!checksum->state || XXH3_128bits_reset(checksum->state) != XXH_OK)
		return error_sys(err, ENOMEM, "begin a checksum");
	*ret = TAKE_PTR(checksum);
	return 0;
}

void checksum_free(struct checksum *checksum)
{
	XXH3_freeState(checksum->state);
	free(checksum);
}

void checksum_update(struct checksum *checksum, const void *data, size_t length)
{
	/* It fails only where there is no data but a length. */
	XXH3_128bits_update(checksum->state, data, length);
}

void checksum_finish(struct checksum *checksum, unsigned char *out)
{
	XXH128_canonical_t canonical;
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(checksum->state));
	memcpy(out, canonical.digest, CHECKSUM_SIZE);
	XXH3_128bits_reset(checksum->state);
}
