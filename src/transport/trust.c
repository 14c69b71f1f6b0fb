/* SPDX-License-Identifier: Apache-2.0 */
/* image trust: what ~/.config/containers/policy.json or /etc/containers/policy.json says, and changing it. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/key/key.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "storage/policy/policy.h"

#define POLICY_SIZE_MAX ((size_t)4 * 1024 * 1024)

/* ---- show ---- */

struct show_options {
	bool json, no_heading, raw;
	const char *path;
};

static const struct cli_option show_table[] = {
    {'j', "json", CLI_FLAG, offsetof(struct show_options, json), NULL, "Print JSON"},
    {'n', "noheading", CLI_FLAG, offsetof(struct show_options, no_heading), NULL, "Print no column titles"},
    {0, "raw", CLI_FLAG, offsetof(struct show_options, raw), NULL, "Print the file as it is"},
    {0, "policypath", CLI_STRING, offsetof(struct show_options, path), "FILE", "Show this policy",
     .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

/* Types as podman shows them. */
static const char *shown_type(const char *type)
{
	return strcmp(type, "insecureAcceptAnything") == 0 ? "accept" : strcmp(type, "signedBy") == 0 ? "signed" : type;
}

static const char *shown_transport(const char *transport)
{
	return strcmp(transport, "docker") == 0 ? "repository" : transport;
}

/* Which keys a requirement takes; malloc'd. */
static char *shown_keys(struct json_object *requirement)
{
	auto_strv struct strv keys = STRV_INIT;
	const char *path;
	if (json_get_string(requirement, "keyPath", &path, NULL) > 0)
		strv_add(&keys, path);
	json_get_strv(requirement, "keyPaths", &keys, NULL);
	if (json_object_object_get_ex(requirement, "keyData", NULL) ||
	    json_object_object_get_ex(requirement, "keyDatas", NULL))
		strv_add(&keys, "(in the policy)");
	return strv_join(&keys, ",");
}

static void add_rows(struct json_object *rows, const char *transport, const char *name, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *requirement = json_object_array_get_idx(list, i), *row = json_object_new_object();
		const char *type = "";
		auto_free char *keys = shown_keys(requirement);
		json_get_string(requirement, "type", &type, NULL);
		json_add_string(row, "transport", transport);
		if (*name) {
			json_add_string(row, "name", strcmp(name, "default") == 0 ? "* (default)" : name);
			json_add_string(row, "repo_name", name);
		}
		json_add_string(row, "type", shown_type(type));
		json_add_string(row, "keys", *keys ? keys : NULL);
		json_object_array_add(rows, row);
	}
}

/* The policy has been read as one before, so that all is there as it must be. */
static struct json_object *make_rows(struct json_object *policy)
{
	struct json_object *rows = json_object_new_array(), *list = NULL, *transports = NULL;
	json_get_array(policy, "default", &list, NULL);
	add_rows(rows, "all", "default", list);
	if (json_get_object(policy, "transports", &transports, NULL) <= 0)
		return rows;
	json_object_object_foreach(transports, transport, scopes)
	{
		json_object_object_foreach(scopes, scope, requirements)
		{
			add_rows(rows, shown_transport(transport), scope, requirements);
		}
	}
	return rows;
}

static void copy_member(struct json_object *from, const char *key, struct json_object *to, const char *title)
{
	const char *text = "";
	json_get_string(from, key, &text, NULL);
	json_add_string(to, title, text);
}

static int print_table(struct json_object *rows, bool no_heading, struct error *err)
{
	auto_json struct json_object *lines = json_object_new_array(), *titles = json_object_new_object();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i), *line = json_object_new_object();
		copy_member(row, "transport", line, "Transport");
		copy_member(row, "repo_name", line, "Name");
		copy_member(row, "type", line, "Type");
		copy_member(row, "keys", line, "Keys");
		json_object_array_add(lines, line);
	}
	int r = template_list(NULL, "table {{.Transport}}\t{{.Name}}\t{{.Type}}\t{{.Keys}}", titles, lines, no_heading,
			      &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

static int run_show(struct cli_context *context, struct error *err)
{
	const struct show_options *options = context->options;
	auto_free char *path = options->path ? xstrdup(options->path) : policy_path_in_force(), *text = NULL;
	auto_policy struct policy *policy = NULL;
	auto_json struct json_object *json = NULL;
	size_t length;
	int r = file_read_at(AT_FDCWD, path, POLICY_SIZE_MAX, &text, &length, err);
	if (r < 0)
		return r == -ENOENT ? error_advice(err, "; without one every image is accepted") : r;
	if (options->raw)
		return fwrite(text, 1, length, stdout) == length ? 0 : error_sys(err, errno, "write");
	r = policy_read(path, &policy, err);
	if (r == 0)
		r = json_parse(text, length, path, &json, err);
	if (r < 0)
		return r;
	auto_json struct json_object *rows = make_rows(json);
	if (!options->json)
		return print_table(rows, options->no_heading, err);
	auto_free char *out = json_text(rows, true);
	puts(out);
	return 0;
}

const struct cli_command cmd_image_trust_show = {
    .name = "show",
    .summary = "Show which images are trusted",
    .usage = "[OPTIONS]",
    .description = "Shows the signature policy (containers-policy.json): a line for each thing that it wants of the "
		   "images of a registry or a repository.",
    .examples = "coracle image trust show\ncoracle image trust show --raw",
    .options = show_table,
    .options_size = sizeof(struct show_options),
    .run = run_show,
};

/* ---- set ---- */

struct set_options {
	const char *type, *path;
	struct strv keys;
};

static const struct cli_option set_table[] = {
    {'f', "pubkeysfile", CLI_LIST, offsetof(struct set_options, keys), "FILE",
     "A public key that must have signed the images; of several, all", .complete = CLI_COMPLETE_FILE},
    {'t', "type", CLI_STRING, offsetof(struct set_options, type), "TYPE",
     "What is done with the images: accepted, rejected, or accepted when they are signed",
     .values = "accept|reject|sigstoreSigned"},
    {0, "policypath", CLI_STRING, offsetof(struct set_options, path), "FILE",
     "Change this policy instead of the user's own", .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

static void set_defaults(void *options)
{
	((struct set_options *)options)->type = "sigstoreSigned";
}

/* Keys are named by absolute paths, whatever directory the policy is used in, and must be keys now. */
static int check_keys(const struct strv *keys, struct strv *ret, struct error *err)
{
	for (size_t i = 0; i < keys->count; i++) {
		char path[PATH_MAX];
		auto_key struct key *key = NULL;
		if (!realpath(keys->items[i], path))
			return error_sys(err, errno, "%s", keys->items[i]);
		int r = key_read_public(path, &key, err);
		if (r < 0)
			return r;
		strv_add(ret, path);
	}
	return 0;
}

static int run_set(struct cli_context *context, struct error *err)
{
	const struct set_options *options = context->options;
	const char *scope = context->arguments.items[0];
	auto_strv struct strv keys = STRV_INIT;
	bool signed_images = strcmp(options->type, "sigstoreSigned") == 0;
	if (signed_images != (options->keys.count > 0))
		return error_set(err, EINVAL,
				 signed_images
				     ? "give the public key that must have signed the images with --pubkeysfile"
				     : "--pubkeysfile is for --type sigstoreSigned");
	int r = check_keys(&options->keys, &keys, err);
	if (r < 0)
		return r;
	const char *type = strcmp(options->type, "accept") == 0 ? "insecureAcceptAnything" : options->type;
	return policy_set(options->path, scope, type, &keys, err);
}

const struct cli_command cmd_image_trust_set = {
    .name = "set",
    .summary = "Set which images are trusted",
    .usage = "[OPTIONS] REGISTRY[/REPOSITORY[:TAG]]|default",
    .description = "Changes the signature policy (containers-policy.json) for the images of a registry, of a "
		   "namespace or repository in it, or for all that nothing else is said of. The user's own file is "
		   "changed, ~/.config/containers/policy.json, which begins as a copy of the system's.",
    .examples = "coracle image trust set --type reject default\ncoracle image trust set -f release.pub "
		"registry.example.org/tools",
    .options = set_table,
    .options_size = sizeof(struct set_options),
    .defaults = set_defaults,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_set,
};
