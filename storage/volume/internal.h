/* SPDX-License-Identifier: Apache-2.0 */
/* internal: what the files of the module share. */
#pragma once

#include "storage/volume/volume.h"

#define VOLUMES      "volumes"
#define VOLUME_DATA  "_data"
#define VOLUME_FRESH "fresh"

/* record.c: writes volume.json into the directory of the volume. */
int volume_write(int dirfd, const struct volume *volume, struct error *err);
