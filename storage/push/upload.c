/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/push/upload.h"

#define TRIES 3

static const char *digest_known(void *userdata)
{
	return userdata;
}

int push_memory(const struct remote *remote, const char *digest, const void *data, size_t length, struct error *err)
{
	int r = registry_blob_head(remote->registry, remote->repository, digest, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
		auto_stream struct stream *source = NULL;
		error_clear(err);
		r = stream_open_memory(data, length, &source, err);
		if (r < 0)
			return r;
		struct registry_upload upload = {.source = source,
						 .size = (int64_t)length,
						 .chunk = (int64_t)length,
						 .digest = digest_known,
						 .userdata = (void *)digest};
		r = registry_blob_upload(remote->registry, remote->repository, &upload, err);
	}
	return r;
}
