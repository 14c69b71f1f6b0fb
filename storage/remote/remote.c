/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/remote/remote.h"

#include <string.h>

#include "storage/auth/auth.h"

#define USER_AGENT "coracle/" CORACLE_VERSION

void remote_close(struct remote *remote)
{
	if (remote->registry)
		registry_close(remote->registry);
	free(remote->host);
	free(remote->repository);
	*remote = (struct remote){0};
}

int remote_name(const char *name, const char **ret, struct error *err)
{
	static const char *const files[] = {"docker-archive:", "oci-archive:", "oci:", "dir:"};
	static const char *const stores[] = {"docker-daemon:", "containers-storage:"};
	if (text_starts_with(name, "docker://"))
		name += strlen("docker://");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (text_starts_with(name, files[i]))
			return error_set(err, EINVAL,
					 "%s is no image in a registry; 'coracle save' writes such files, and 'coracle "
					 "load' reads them",
					 name);
	for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
		if (text_starts_with(name, stores[i]))
			return error_set(err, EINVAL,
					 "%s is another program's image; its save and our load, or the other way round, "
					 "carry it over",
					 name);
	*ret = name;
	return 0;
}

/* Those of whoever is asked: a mirror, or the place that registries.conf has instead, has no business with the
 * credentials for the registry in the name, and neither with those of the command line, which are for that one. */
static int find_credentials(const struct registry_endpoint *endpoint, const struct reference *name,
			    const struct remote_options *options, struct credentials *ret, struct error *err)
{
	if (options->username && strcmp(endpoint->host, name->domain) == 0) {
		ret->username = xstrdup(options->username);
		ret->password = xstrdup(options->password ? options->password : "");
		return 0;
	}
	auto_free char *repository = xasprintf("%s/%s", endpoint->host, endpoint->repository);
	int r = auth_find(&(struct auth_places){options->authfile, options->helpers}, repository, ret, err);
	return r < 0 ? r : 0;
}

int remote_open(const struct registry_endpoint *endpoint, const struct reference *name,
		const struct remote_options *options, struct remote *ret, struct error *err)
{
	auto_credentials struct credentials credentials = {0};
	auto_strv struct strv certificates = STRV_INIT;
	auto_remote struct remote remote = {.host = xstrdup(endpoint->host),
					    .repository = xstrdup(endpoint->repository)};
	int r = find_credentials(endpoint, name, options, &credentials, err);
	if (r < 0)
		return r;
	registry_certificate_directories(&certificates);
	struct registry_options registry = {
	    .host = endpoint->host,
	    .insecure = options->tls_verify < 0 ? endpoint->insecure : !options->tls_verify,
	    .certificate_directories = (const char *const *)certificates.items,
	    .certificate_directory = options->certificate_directory,
	    .username = credentials.username,
	    .password = credentials.password,
	    .identity_token = credentials.identity_token,
	    .user_agent = USER_AGENT,
	    .attempts = options->retries < 0 ? 0 : options->retries + 1,
	    .fixed_pause = options->retry_delay_s >= 0,
	    .pause_s = options->retry_delay_s,
	};
	r = registry_open(&registry, &remote.registry, err);
	if (r < 0)
		return r;
	*ret = remote;
	remote = (struct remote){0};
	return 0;
}

int remote_open_target(const struct reference *name, const struct remote_options *options, struct remote *ret,
		       struct error *err)
{
	auto_registries struct registries *registries = NULL;
	CLEANUP(registry_endpoint_clear) struct registry_endpoint endpoint = {0};
	int r = registries_read(NULL, &registries, err);
	if (r == 0)
		r = registries_target(registries, name, &endpoint, err);
	if (r < 0 || !endpoint.host)
		return r;
	struct remote_options with_helpers = *options;
	with_helpers.helpers = registries_credential_helpers(registries);
	return remote_open(&endpoint, name, &with_helpers, ret, err);
}

int remote_read_blob(const struct remote *remote, const struct descriptor *blob, size_t max, const char *what,
		     char **ret, size_t *ret_length, struct error *err)
{
	auto_stream struct stream *stream = NULL;
	if (blob->size > (int64_t)max)
		return error_set(err, EFBIG, "%s is too large: %lld bytes, where %zu are allowed", what,
				 (long long)blob->size, max);
	size_t length = (size_t)blob->size;
	auto_free char *data = xmalloc(length + 1);
	int r = registry_blob_open(remote->registry, remote->repository, blob->digest, blob->size, 0, &stream, err);
	ssize_t n = r < 0 ? r : stream_read_full(stream, data, length, err);
	if (n < 0)
		return (int)n;
	r = digest_check(data, (size_t)n, blob->digest, what, err);
	if (r < 0)
		return r;
	data[n] = '\0';
	*ret = TAKE_PTR(data);
	*ret_length = (size_t)n;
	return 0;
}
