/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/registry_options.h"

#include <string.h>

#include "pkg/registry/registry.h"

#define AT(member)    offsetof(struct registry_settings, member)
#define GIVEN(member) .given_offset = offsetof(struct registry_settings, member)

enum {
	RETRY_MAX = 100,
	RETRY_DELAY_MAX_S = 3600,
};

const struct cli_option registry_option_table[] = {
    {0, "authfile", CLI_STRING, AT(authfile), "FILE", "File with the credentials, instead of the usual ones", .complete = CLI_COMPLETE_FILE},
    {0, "cert-dir", CLI_STRING, AT(certificate_directory), "DIR", "Folder with certificates and keys (*.crt, *.cert, *.key) for the registry",
     .complete = CLI_COMPLETE_DIRECTORY},
    {0, "creds", CLI_STRING, AT(credentials), "USER:PASSWORD", "Credentials for the registry"},
    {0, "disable-content-trust", CLI_FLAG, AT(disable_content_trust), NULL, "Docker's; without effect", .hidden = true},
    {0, "retry", CLI_INT, AT(retry), "NUMBER", "Try again this many times after a failure of the network (4 by default)", GIVEN(retry_given)},
    {0, "retry-delay", CLI_DURATION, AT(retry_delay_ns), "DURATION", "Wait this long before each of them, instead of longer and longer",
     GIVEN(retry_delay_given)},
    {0, "tls-verify", CLI_FLAG, AT(tls_verify), NULL, "Verify certificates, and speak nothing but HTTPS (as registries.conf says by default)",
     GIVEN(tls_verify_given)},
    CLI_OPTIONS_END,
};

int registry_settings_check(struct registry_settings *settings, struct error *err)
{
	if (settings->retry_given && (settings->retry < 0 || settings->retry > RETRY_MAX))
		return error_set(err, EINVAL, "--retry is a number from 0 to %d", RETRY_MAX);
	if (settings->retry_delay_ns < 0 || settings->retry_delay_ns / 1000000000 > RETRY_DELAY_MAX_S)
		return error_set(err, EINVAL, "--retry-delay is a duration of at most an hour");
	if (settings->credentials) {
		const char *colon = strchr(settings->credentials, ':');
		if (!colon || colon == settings->credentials)
			return error_set(err, EINVAL, "--creds must be USER:PASSWORD");
		settings->username = xstrndup(settings->credentials, (size_t)(colon - settings->credentials));
		settings->password = xstrdup(colon + 1);
	}
	return registry_global_init(err);
}

int registry_refuse_gpg(const char *key, struct error *err)
{
	return !key ? 0
		    : error_set(err, EINVAL,
				"--sign-by: signatures by GPG are not made; --sign-by-sigstore-private-key FILE makes "
				"others, which podman, skopeo and cosign verify");
}

enum stream_compression registry_compression(const char *format)
{
	return format && text_starts_with(format, "zstd") ? STREAM_ZSTD : STREAM_GZIP;
}

void registry_settings_clear(struct registry_settings *settings)
{
	free(settings->username);
	if (settings->password)
		explicit_bzero(settings->password, strlen(settings->password));
	free(settings->password);
	settings->username = settings->password = NULL;
}

int registry_tls_verify(const struct registry_settings *settings)
{
	return settings->tls_verify_given ? settings->tls_verify : -1;
}

int registry_retries(const struct registry_settings *settings)
{
	return settings->retry_given ? (int)settings->retry : -1;
}

int registry_retry_delay(const struct registry_settings *settings)
{
	return settings->retry_delay_given ? (int)((settings->retry_delay_ns + 999999999) / 1000000000) : -1;
}

struct pull_request registry_pull_request(const struct registry_settings *settings, const char *name)
{
	return (struct pull_request){.name = name,
				     .authfile = settings->authfile,
				     .username = settings->username,
				     .password = settings->password,
				     .certificate_directory = settings->certificate_directory,
				     .tls_verify = registry_tls_verify(settings),
				     .retries = registry_retries(settings),
				     .retry_delay_s = registry_retry_delay(settings)};
}

struct remote_options registry_remote_options(const struct registry_settings *settings)
{
	return (struct remote_options){settings->authfile,
				       settings->username,
				       settings->password,
				       settings->certificate_directory,
				       registry_tls_verify(settings),
				       registry_retries(settings),
				       registry_retry_delay(settings)};
}

struct push_request registry_push_request(const struct registry_settings *settings)
{
	return (struct push_request){.authfile = settings->authfile,
				     .username = settings->username,
				     .password = settings->password,
				     .certificate_directory = settings->certificate_directory,
				     .tls_verify = registry_tls_verify(settings),
				     .compression = STREAM_GZIP,
				     .compression_level = -1,
				     .retries = registry_retries(settings),
				     .retry_delay_s = registry_retry_delay(settings)};
}
