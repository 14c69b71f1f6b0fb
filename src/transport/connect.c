/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/connect.h"

#include <string.h>

struct auth_places connect_auth_places(const char *authfile, const struct registries *registries)
{
	return (struct auth_places){authfile, registries_credential_helpers(registries)};
}

int connect_registry(const struct connection_options *options, const struct registries *registries, const char *host,
		     const char *repository, const struct credentials *credentials, struct registry **ret,
		     struct error *err)
{
	auto_credentials struct credentials found = {0};
	auto_strv struct strv directories = STRV_INIT;
	const struct auth_places places = connect_auth_places(options->authfile, registries);
	bool insecure = false;
	int r = registries_host(registries, host, &insecure, err);
	if (r == 0 && !credentials && (r = auth_find(&places, repository, &found, err)) >= 0)
		credentials = &found;
	if (r >= 0)
		r = registry_global_init(err);
	if (r < 0)
		return r;
	registry_certificate_directories(&directories);
	if (options->tls_verify_given)
		insecure = !options->tls_verify;
	return registry_open(
	    &(struct registry_options){.host = host,
				       .insecure = insecure,
				       .certificate_directories = (const char *const *)directories.items,
				       .certificate_directory = options->certificate_directory,
				       .username = credentials->username,
				       .password = credentials->password,
				       .identity_token = credentials->identity_token,
				       .user_agent = "coracle/" CORACLE_VERSION},
	    ret, err);
}

int connect_named(const struct cli_context *context, const struct registries *registries, char **ret, struct error *err)
{
	const struct strv *usual = registries_unqualified(registries);
	if (context->arguments.count == 0 && usual->count == 0)
		return error_set(err, EINVAL, "which registry? Name one: %s HOST", context->command_path);
	const char *name = context->arguments.count ? context->arguments.items[0] : usual->items[0];
	const char *scheme = strstr(name, "://");
	char *registry = xstrndup(scheme ? scheme + 3 : name, scheme ? strcspn(scheme + 3, "/") : strlen(name));
	for (size_t length = strlen(registry); length > 0 && registry[length - 1] == '/'; length--)
		registry[length - 1] = '\0';
	*ret = registry;
	return 0;
}
