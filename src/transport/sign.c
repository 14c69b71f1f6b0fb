/* SPDX-License-Identifier: Apache-2.0 */
/* image sign: signatures beside an image that is in a registry; nothing of the image is fetched. */
#include <stdio.h>

#include "src/commands.h"
#include "src/transport/registry_options.h"
#include "storage/push/sign.h"

struct options {
	struct registry_settings registry; /* first */
	bool all;
	const char *key_file, *passphrase_file, *gpg_key;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL,
     "Of an index sign all images and the index, not only the image for this machine"},
    {0, "sign-by", CLI_STRING, offsetof(struct options, gpg_key), "KEY", "GPG's; refused", .hidden = true},
    {0, "sign-by-sigstore-private-key", CLI_STRING, offsetof(struct options, key_file), "FILE",
     "The private key, made by cosign, skopeo or openssl", .complete = CLI_COMPLETE_FILE},
    {0, "sign-passphrase-file", CLI_STRING, offsetof(struct options, passphrase_file), "FILE",
     "Read the key's passphrase from FILE", .complete = CLI_COMPLETE_FILE},
    {0, "passphrase-file", CLI_STRING, offsetof(struct options, passphrase_file), "FILE", "The same", .hidden = true,
     .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

struct signing {
	const struct options *options;
	struct remote remote;
	struct reference name; /* what is signed as what: a tag, where one was given */
	char *repository;
};

static void signing_free(struct signing *signing)
{
	remote_close(&signing->remote);
	reference_free(&signing->name);
	free(signing->repository);
}

static int sign_digest(struct signing *signing, const char *digest, struct error *err)
{
	const struct options *options = signing->options;
	int r =
	    push_signature(&signing->remote, &signing->name, digest, options->key_file, options->passphrase_file, err);
	if (r == 0)
		printf("%s@%s\n", signing->repository, digest);
	return r;
}

static int sign_chosen(struct signing *signing, struct json_object *descriptor, struct error *err)
{
	auto_descriptor struct descriptor chosen = {0};
	int r = descriptor_parse(descriptor, "the index: manifests", &chosen, err);
	return r < 0 ? r : sign_digest(signing, chosen.digest, err);
}

static int sign_index(struct signing *signing, struct json_object *index, const char *digest, struct error *err)
{
	struct json_object *chosen = NULL, *manifests = NULL;
	struct platform host;
	platform_host(&host);
	if (!signing->options->all) {
		int r = index_choose(index, &host, &chosen, err);
		return r < 0 ? r : sign_chosen(signing, chosen, err);
	}
	int r = json_get_array(index, "manifests", &manifests, err);
	for (size_t i = 0; r >= 0 && manifests && i < json_object_array_length(manifests); i++)
		r = sign_chosen(signing, json_object_array_get_idx(manifests, i), err);
	return r < 0 ? r : sign_digest(signing, digest, err);
}

static int sign(struct signing *signing, const char *reference, struct error *err)
{
	auto_registry_manifest struct registry_manifest manifest = {0};
	auto_json struct json_object *json = NULL;
	int r = registry_manifest_get(signing->remote.registry, signing->remote.repository, reference,
				      MANIFEST_SIZE_MAX, &manifest, err);
	if (r == 0)
		r = json_parse(manifest.text, manifest.length, "the manifest", &json, err);
	if (r < 0)
		return r;
	return manifest_is_index(json) ? sign_index(signing, json, manifest.digest, err)
				       : sign_digest(signing, manifest.digest, err);
}

/* Of a name with a tag and a digest the digest is signed, as the tag. */
static int sign_named(const struct options *options, const char *text, struct error *err)
{
	CLEANUP(signing_free) struct signing signing = {.options = options};
	const struct remote_options remote = registry_remote_options(&options->registry);
	int r = remote_name(text, &text, err);
	if (r == 0)
		r = reference_parse(text, &signing.name, err);
	if (r < 0)
		return r;
	reference_normalize_docker(&signing.name);
	signing.repository = reference_repository(&signing.name);
	auto_free char *wanted = xstrdup(signing.name.digest ? signing.name.digest : signing.name.tag);
	if (signing.name.tag) {
		free(signing.name.digest);
		signing.name.digest = NULL;
	}
	r = remote_open_target(&signing.name, &remote, &signing.remote, err);
	if (r == 0)
		r = sign(&signing, wanted, err);
	return r < 0 ? error_context(err, "%s", text) : 0;
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	int r = registry_refuse_gpg(options->gpg_key, err);
	if (r < 0)
		return r;
	if (!options->key_file)
		return error_set(
		    err, EINVAL,
		    "give the key to sign with: --sign-by-sigstore-private-key FILE (signatures by GPG are not made)");
	r = registry_settings_check(&options->registry, err);
	for (size_t i = 0; r == 0 && i < context->arguments.count; i++)
		r = sign_named(options, context->arguments.items[i], err);
	registry_settings_clear(&options->registry);
	return r;
}

const struct cli_command cmd_image_sign = {
    .name = "sign",
    .summary = "Sign images that are in a registry",
    .usage = "[OPTIONS] IMAGE...",
    .description =
	"Signs images in registries as sigstore's tools do: the signature is stored in the registry, beside "
	"the image (sha256-DIGEST.sig), where cosign, podman, skopeo and coracle look for it. Prints the digest of "
	"each manifest that was signed.\n\nThe key is one of cosign, of skopeo, or any EC, RSA or Ed25519 key in PEM.",
    .examples = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out my.key\ncoracle image sign "
		"--sign-by-sigstore-private-key my.key registry.example.com/app:1.2",
    .options = table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
