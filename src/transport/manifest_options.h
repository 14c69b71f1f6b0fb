/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_options: what `manifest add` and `manifest annotate` can say of an image. */
#pragma once

#include "pkg/cli/cli.h"
#include "storage/list/list.h"

struct manifest_settings {
	const char *os, *architecture, *variant, *os_version;
	struct strv os_features, features, annotations;
};
/* Their lines in the table of a struct that has them as `member`. */
#define MANIFEST_OPTIONS(type, member)                                                                                 \
	{                                                                                                              \
	    0,           "annotation",                                                                                 \
	    CLI_LIST,    offsetof(type, member.annotations),                                                           \
	    "KEY=VALUE", "Set an annotation of the image"},                                                            \
	    {0,          "arch",                                                                                       \
	     CLI_STRING, offsetof(type, member.architecture),                                                          \
	     "ARCH",     "The architecture that the image is for, instead of what it says itself"},                    \
	    {0,                                                                                                        \
	     "features",                                                                                               \
	     CLI_COMMA_LIST,                                                                                           \
	     offsetof(type, member.features),                                                                          \
	     "FEATURE",                                                                                                \
	     "Features of the processor that it needs"},                                                               \
	    {0, "os", CLI_STRING, offsetof(type, member.os), "OS", "The operating system that it is for"},             \
	    {0,                                                                                                        \
	     "os-features",                                                                                            \
	     CLI_COMMA_LIST,                                                                                           \
	     offsetof(type, member.os_features),                                                                       \
	     "FEATURE",                                                                                                \
	     "Features of the operating system that it needs"},                                                        \
	    {0,          "os-version",                                                                                 \
	     CLI_STRING, offsetof(type, member.os_version),                                                            \
	     "VERSION",  "The version of the operating system that it is for"},                                        \
	{                                                                                                              \
		0, "variant", CLI_STRING, offsetof(type, member.variant), "VARIANT", "The variant of the architecture" \
	}
/* Lays what was given over the entry. -EINVAL: an annotation has no value. */
int manifest_settings_apply(const struct manifest_settings *settings, struct list_entry *entry, struct error *err);
