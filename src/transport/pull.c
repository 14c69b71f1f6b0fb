/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/session.h"
#include "src/transport/registry_options.h"
#include "storage/pull/pull.h"

struct options {
	struct registry_settings registry; /* first */
	bool all_tags, quiet;
	const char *architecture, *os, *variant, *platform;
	const char *policy, *signature_policy;
};

enum {
	STATUS_FAILED = 125,
};

#define POLICIES "always|missing|newer|never"

static const struct cli_option table[] = {
    {'a', "all-tags", CLI_FLAG, offsetof(struct options, all_tags), NULL, "Pull all tags of the repository"},
    {0, "arch", CLI_STRING, offsetof(struct options, architecture), "ARCH", "Choose the image for this architecture"},
    {0, "os", CLI_STRING, offsetof(struct options, os), "OS", "Choose the image for this operating system"},
    {0, "platform", CLI_STRING, offsetof(struct options, platform), "OS/ARCH[/VARIANT]",
     "Choose the image for this platform"},
    {0, "policy", CLI_STRING, offsetof(struct options, policy), "POLICY",
     "always: ask the registry (the default); missing: only for what is not here; newer: if the registry has another; "
     "never: do not",
     .values = POLICIES},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print nothing but the image's id"},
    {0, "signature-policy", CLI_STRING, offsetof(struct options, signature_policy), "FILE",
     "The policy for signatures, instead of the usual file", .complete = CLI_COMPLETE_FILE, .hidden = true},
    {0, "variant", CLI_STRING, offsetof(struct options, variant), "VARIANT",
     "Choose the image for this variant of the architecture"},
    CLI_OPTIONS_END,
};

/* ---- the platform ---- */
struct choice {
	bool given;
	struct platform platform;
	struct strv parts; /* of --platform */
};

static void choice_free(struct choice *choice)
{
	strv_free(&choice->parts);
}

static int split_platform(const char *text, struct choice *ret, struct error *err)
{
	strv_split(&ret->parts, text, '/');
	bool good = ret->parts.count == 2 || ret->parts.count == 3;
	for (size_t i = 0; i < ret->parts.count; i++)
		good = good && *ret->parts.items[i];
	if (!good)
		return error_set(err, EINVAL, "--platform must be OS/ARCH or OS/ARCH/VARIANT, not \"%s\"", text);
	ret->platform = (struct platform){ret->parts.items[0], ret->parts.items[1],
					  ret->parts.count == 3 ? ret->parts.items[2] : ""};
	return 0;
}

/* What is not given is this machine's; its variant goes with its architecture only. */
static int choose_platform(const struct options *options, struct choice *ret, struct error *err)
{
	ret->given = options->platform || options->os || options->architecture || options->variant;
	if (options->platform && (options->os || options->architecture || options->variant))
		return error_set(err, EINVAL, "--platform says what --os, --arch and --variant say; give either");
	if (options->platform)
		return split_platform(options->platform, ret, err);
	platform_host(&ret->platform);
	if (options->architecture && strcmp(options->architecture, ret->platform.architecture) != 0)
		ret->platform.variant = "";
	if (options->os)
		ret->platform.os = options->os;
	if (options->architecture)
		ret->platform.architecture = options->architecture;
	if (options->variant)
		ret->platform.variant = options->variant;
	return 0;
}

/* ---- pulling ---- */
static enum pull_policy policy_of(const struct options *options)
{
	static const struct {
		const char *name;
		enum pull_policy policy;
	} policies[] = {{"missing", PULL_MISSING}, {"newer", PULL_NEWER}, {"never", PULL_NEVER}};
	for (size_t i = 0; options->policy && i < ARRAY_SIZE(policies); i++)
		if (strcmp(options->policy, policies[i].name) == 0)
			return policies[i].policy;
	return PULL_ALWAYS;
}

static void tell_trying(const char *name)
{
	fprintf(stderr, "Trying to pull %s...\n", name);
}

static int pull_one(struct store *store, struct pull_request *request, bool quiet, const char *name, struct error *err)
{
	auto_free char *full_name = NULL;
	char id[65];
	auto_progress struct progress *progress = quiet ? NULL : progress_begin(STDERR_FILENO);
	request->name = name;
	request->progress = progress;
	int r = image_pull(store, request, id, &full_name, NULL, err);
	if (r < 0)
		return r;
	progress_endp(&progress);
	progress = NULL;
	printf("%s\n", id);
	fflush(stdout);
	return 0;
}

static int pull_tags(struct store *store, struct pull_request *request, bool quiet, const char *name, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	auto_reference struct reference repository = {0};
	int r = reference_parse(name, &repository, err);
	if (r < 0)
		return r;
	if (repository.tag || repository.digest)
		return error_set(err, EINVAL, "--all-tags takes a repository, without a tag: \"%s\"", name);
	request->name = name;
	r = image_pull_tags(request, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = pull_one(store, request, quiet, names.items[i], err);
	return r;
}

/* What fails for one is said and does not keep the others from coming. The exit status. */
static int pull_each(struct store *store, struct pull_request *request, const struct options *options,
		     const struct strv *names)
{
	int status = 0;
	for (size_t i = 0; i < names->count; i++) {
		struct error err = ERROR_INIT;
		int r = (options->all_tags ? pull_tags : pull_one)(store, request, options->quiet, names->items[i], &err);
		if (r >= 0)
			continue;
		message_error("%s", err.text);
		status = STATUS_FAILED;
	}
	return status;
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	CLEANUP(choice_free) struct choice choice = {.given = false};
	auto_store struct store *store = NULL;
	int r = choose_platform(options, &choice, err);
	if (r == 0)
		r = registry_settings_check(&options->registry, err);
	if (r == 0)
		r = session_store(context, &store, err);
	struct pull_request request = {
	    .policy = policy_of(options),
	    .platform = choice.given ? &choice.platform : NULL,
	    .authfile = options->registry.authfile,
	    .username = options->registry.username,
	    .password = options->registry.password,
	    .certificate_directory = options->registry.certificate_directory,
	    .tls_verify = registry_tls_verify(&options->registry),
	    .signature_policy = options->signature_policy,
	    .retries = registry_retries(&options->registry),
	    .retry_delay_s = registry_retry_delay(&options->registry),
	    .trying = options->quiet ? NULL : tell_trying,
	};
	if (r == 0)
		r = pull_each(store, &request, options, &context->arguments);
	registry_settings_clear(&options->registry);
	return r;
}

const struct cli_command cmd_pull = {
    .name = "pull",
    .summary = "Pull images from a registry",
    .usage = "[OPTIONS] IMAGE...",
    .description =
	"Brings images from a registry into the store, and prints their ids. Only layers that are not here are "
	"fetched, several at once, and are unpacked as they come; what a pull that was interrupted had fetched is "
	"used by the next one. All digests are verified. An image that cannot be had does not keep the others from "
	"coming. All of it takes less than 64 MB of memory, whatever the size; a layer that was compressed so that it "
	"cannot be read with that (zstd --long, xz -9) takes up to 128 MiB more, and one such layer is unpacked at a time.\n\n"
	"A name without a registry is looked up as registries.conf(5) says.",
    .examples = "coracle pull docker.io/library/busybox\ncoracle pull --platform linux/arm64 quay.io/fedora/fedora:40\n"
		"coracle pull registry.example.com/app@sha256:4bcc9ee2...",
    .options = table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
