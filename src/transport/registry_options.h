/* SPDX-License-Identifier: Apache-2.0 */
/* registry_options: what pull and push take of how a registry is spoken to. The struct comes first in a command's own. */
#pragma once

#include "pkg/cli/cli.h"
#include "storage/pull/pull.h"
#include "storage/push/push.h"
#include "storage/remote/remote.h"

struct registry_settings {
	const char *authfile, *certificate_directory, *credentials;
	bool tls_verify, tls_verify_given;
	int64_t retry, retry_delay_ns;
	bool retry_given, retry_delay_given;
	bool disable_content_trust;
	/* Filled by registry_settings_check(). */
	char *username, *password; /* NULL: not given */
};

extern const struct cli_option registry_option_table[];
/* Finds what is wrong, takes the credentials apart, and sets libcurl up. */
int registry_settings_check(struct registry_settings *settings, struct error *err);
/* --sign-by, which is GPG's: -EINVAL, with what there is instead, where it was given (not NULL). */
int registry_refuse_gpg(const char *key, struct error *err);
/* --compression-format; NULL: the default. "zstd:chunked" is zstd with a table of contents for who asks for parts, which nobody
 * has to have. */
enum stream_compression registry_compression(const char *format);
#define REGISTRY_COMPRESSIONS "gzip|zstd|zstd:chunked"
void registry_settings_clear(struct registry_settings *settings);

/* As pull_request and push_request have them: -1 for what was not given. */
int registry_tls_verify(const struct registry_settings *settings);
int registry_retries(const struct registry_settings *settings);
int registry_retry_delay(const struct registry_settings *settings);

/* How registries are to be spoken to, all else being left to the caller; borrowed from the settings. */
struct pull_request registry_pull_request(const struct registry_settings *settings, const char *name);
struct remote_options registry_remote_options(const struct registry_settings *settings);
struct push_request registry_push_request(const struct registry_settings *settings);
