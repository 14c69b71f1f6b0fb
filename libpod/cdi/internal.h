/* SPDX-License-Identifier: Apache-2.0 */
/* internal: what the files of the module share. */
#pragma once

#include "libpod/cdi/cdi.h"
#include "pkg/json/json.h"

/* A device that was found: its own edits, and those of its file. Both borrowed from `file`. */
struct cdi_device {
	char *name; /* "vendor.com/class=device" */
	struct json_object *edits, *common;
	struct json_object *file;
	char *path;
	size_t folder;
};
struct cdi_devices {
	struct cdi_device *items;
	size_t count;
};
void cdi_devices_free(struct cdi_devices *devices);
#define auto_cdi_devices CLEANUP(cdi_devices_free)

/* read.c: all that are described. */
int cdi_read(struct cdi_devices *ret, struct error *err);
/* The folders as one text, for messages. */
char *cdi_folders_text(void);

/* edits.c: makes the changes of "containerEdits". */
int cdi_edit(struct json_object *edits, struct spec *spec, struct error *err);
