/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/utsname.h>

#include "storage/manifest/manifest.h"

static const struct {
	const char *machine; /* uname(2) */
	const char *architecture, *variant;
} machines[] = {
    {"x86_64", "amd64", ""},    {"aarch64", "arm64", "v8"},     {"armv8l", "arm", "v8"},
    {"armv7l", "arm", "v7"},    {"armv6l", "arm", "v6"},        {"i686", "386", ""},
    {"i586", "386", ""},        {"ppc64le", "ppc64le", ""},     {"s390x", "s390x", ""},
    {"riscv64", "riscv64", ""}, {"loongarch64", "loong64", ""}, {"mips64", "mips64le", ""},
};

void platform_host(struct platform *ret)
{
	struct utsname names;
	*ret = (struct platform){"linux", "amd64", ""};
	if (uname(&names) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (strcmp(names.machine, machines[i].machine) != 0)
			continue;
		ret->architecture = machines[i].architecture;
		ret->variant = machines[i].variant;
	}
}

static const char *text_member(struct json_object *object, const char *key)
{
	const char *text = "";
	json_get_string(object, key, &text, NULL);
	return text;
}

/* The variant that is meant where none is said, as the field has it. */
static const char *wanted_variant(const struct platform *platform)
{
	if (*platform->variant)
		return platform->variant;
	return strcmp(platform->architecture, "arm64") == 0 ? "v8" : strcmp(platform->architecture, "arm") == 0 ? "v7" : "";
}

int platform_match(struct json_object *descriptor, const struct platform *platform)
{
	struct json_object *theirs = NULL;
	if (json_get_object(descriptor, "platform", &theirs, NULL) <= 0)
		return 1;
	const char *variant = text_member(theirs, "variant"), *wanted = wanted_variant(platform);
	if (strcmp(text_member(theirs, "os"), platform->os) != 0 ||
	    strcmp(text_member(theirs, "architecture"), platform->architecture) != 0)
		return 0;
	if (strcmp(variant, wanted) == 0)
		return 100;
	if (!*variant)
		return 50; /* for any of them, or for the usual one */
	/* Variants are "v5" … "v8": what runs on an older one runs on a newer one, the newest best. */
	if (variant[0] == 'v' && wanted[0] == 'v' && strcmp(variant, wanted) < 0)
		return 10 + (variant[1] - '0');
	return 0;
}

static void describe(struct json_object *descriptor, struct strbuf *out)
{
	struct json_object *platform = NULL;
	json_get_object(descriptor, "platform", &platform, NULL);
	const char *variant = text_member(platform, "variant");
	strbuf_printf(out, "%s%s/%s%s%s", out->length ? ", " : "", text_member(platform, "os"),
		      text_member(platform, "architecture"), *variant ? "/" : "", variant);
}

int index_choose(struct json_object *index, const struct platform *platform, struct json_object **ret,
		 struct error *err)
{
	struct json_object *list = NULL, *best = NULL;
	auto_strbuf struct strbuf others = STRBUF_INIT;
	int best_match = 0;
	int r = json_get_array(index, "manifests", &list, err);
	if (r <= 0)
		return r < 0 ? r : error_set(err, EINVAL, "the index has no manifests");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *descriptor = json_object_array_get_idx(list, i);
		int match = platform_match(descriptor, platform);
		if (match > best_match) {
			best = descriptor;
			best_match = match;
		} else if (others.length < 300) {
			describe(descriptor, &others);
		}
	}
	if (!best)
		return error_set(err, ENOENT, "the image is not there for %s/%s%s%s, only for %s", platform->os,
				 platform->architecture, *platform->variant ? "/" : "", platform->variant,
				 strbuf_text(&others));
	*ret = best;
	return 0;
}
