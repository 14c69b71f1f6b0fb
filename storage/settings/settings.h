/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings: coracle.conf(5), what an administrator or a user wants to be so for every command. TOML:
 *
 *	[storage]
 *	driver = "overlay"                        # as --storage-driver
 *	additional_image_stores = ["/srv/images"] # absolute paths
 *	keep_compressed_blobs = true
 *	[network]
 *	program = "pasta"                         # of a private network
 *
 * Read are, each where it is there: /etc/coracle/coracle.conf, the files of /etc/coracle/coracle.conf.d that end in
 * .conf by name, and $XDG_CONFIG_HOME/coracle/coracle.conf (~/.config/coracle/coracle.conf). A later one wins key by
 * key; a list replaces a list. CORACLE_CONF names one file that is read instead of them all. What an option of the
 * command line says wins over each.
 *
 * Where there is no file this costs two open(2) that fail.
 */
#pragma once

#include <stdbool.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"

struct settings {
	char *driver; /* NULL: not said; whether there is such a driver, storage/driver knows */
	struct strv additional_image_stores;
	bool keep_compressed_blobs;
	char *network_program; /* "slirp4netns" or "pasta"; NULL: not said */
};
void settings_free(struct settings *settings);
#define auto_settings CLEANUP(settings_free)

/* -EINVAL: "<file>:<line>: …", for what is no TOML, a key that is not known, a value of the wrong type or meaning. */
int settings_read(struct settings *ret, struct error *err);
