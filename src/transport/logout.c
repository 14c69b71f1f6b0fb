/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/transport/connect.h"

struct options {
	const char *authfile;
	bool all;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Forget the credentials for all registries"},
    {0, "authfile", CLI_STRING, offsetof(struct options, authfile), "FILE", "Remove the credentials from FILE",
     .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

static int log_out(const struct auth_places *places, const char *name, struct error *err)
{
	auto_credentials struct credentials left = {0};
	int r = auth_erase(places, name, err);
	if (r < 0)
		return r;
	/* docker's file is docker's to change, and credentials for more than the name go by another. */
	bool others = auth_find(places, name, &left, NULL) > 0;
	if (r == 0)
		return error_set(err, ENOENT, "not logged into %s%s", name,
				 others ? " here; docker logout, or logout of a shorter name, removes what is there"
					: "");
	printf("Removed login credentials for %s\n", name);
	if (others)
		message_warn("there are other credentials for %s still: docker's, or those of a shorter name", name);
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_registries struct registries *registries = NULL;
	auto_free char *name = NULL;
	if (options->all && context->arguments.count)
		return error_set(err, EINVAL, "--all and the name of a registry contradict each other");
	int r = registries_read(NULL, &registries, err);
	if (r < 0)
		return r;
	const struct auth_places places = connect_auth_places(options->authfile, registries);
	if (!options->all)
		return (r = connect_named(context, registries, &name, err)) < 0 ? r : log_out(&places, name, err);
	r = auth_erase(&places, NULL, err);
	if (r >= 0)
		puts("Removed login credentials for all registries");
	return r < 0 ? r : 0;
}

const struct cli_command cmd_logout = {
    .name = "logout",
    .summary = "Forget what logs in to a registry",
    .usage = "[OPTIONS] [REGISTRY]",
    .description =
	"Removes the credentials for a registry from the files that login keeps them in, and from the credential "
	"helper that such a file names for it and those in registries.conf. Without REGISTRY the first of "
	"unqualified-search-registries is meant, or docker.io. What docker login has kept is left to docker.",
    .examples = "coracle logout registry.example.com:5000\ncoracle logout --all",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .run = run,
};
