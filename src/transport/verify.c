/* SPDX-License-Identifier: Apache-2.0 */
/* image verify: what `pull` would say of an image's signatures; nothing of the image is fetched. */
#include <errno.h>
#include <stdio.h>

#include "src/commands.h"
#include "src/transport/registry_options.h"
#include "storage/pull/source.h"

enum { STATUS_REJECTED = 1 };

struct options {
	struct registry_settings registry; /* first */
	struct strv keys;
	const char *policy;
};

static const struct cli_option table[] = {
    {'k', "key", CLI_LIST, offsetof(struct options, keys), "FILE",
     "Ask for a signature by this public key, or another one that is given so, under the name of the repository, "
     "whatever the "
     "policy says",
     .complete = CLI_COMPLETE_FILE},
    {0, "signature-policy", CLI_STRING, offsetof(struct options, policy), "FILE",
     "Ask this policy instead of the user's own", .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

static int verify(const struct policy *policy, const struct registry_settings *settings, const char *name,
		  struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	const struct pull_request request = registry_pull_request(settings, name);
	int r = pull_source_find(&request, &source, err);
	if (r == 0)
		r = pull_source_check(&source, policy, err);
	if (r < 0)
		return r;
	auto_free char *repository = reference_repository(&source.name);
	printf("%s@%s: %s\n", repository, source.manifest.digest,
	       r > 0 ? "signed by a trusted key" : "accepted; the policy asks for no signature");
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	auto_policy struct policy *policy = NULL;
	if (options->keys.count && options->policy)
		return error_set(err, EINVAL, "--key and --signature-policy contradict each other");
	int r = registry_settings_check(&options->registry, err);
	if (r == 0)
		r = options->keys.count ? policy_of_keys(&options->keys, &policy, err)
					: policy_read(options->policy, &policy, err);
	for (size_t i = 0; r == 0 && i < context->arguments.count; i++)
		r = verify(policy, &options->registry, context->arguments.items[i], err);
	registry_settings_clear(&options->registry);
	if (r == -EPERM && err)
		err->status = STATUS_REJECTED;
	return r;
}

const struct cli_command cmd_image_verify = {
    .name = "verify",
    .summary = "Verify the signatures of images that are in a registry",
    .usage = "[OPTIONS] IMAGE...",
    .description =
	"Tells whether images in registries would be accepted: by the signature policy (see 'coracle image trust'), "
	"or because one of the given keys has signed them. Prints the digest of each manifest that was.\n\nThe exit "
	"status is 1 when an image is not accepted, and 125 when that cannot be told.",
    .examples = "coracle image verify --key release.pub registry.example.com/app:1.2",
    .options = table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
