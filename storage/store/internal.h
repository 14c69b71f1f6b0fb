/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include "storage/store/store.h"

/* Opens those that the settings name, and closes them. What cannot be opened is no error before an image is looked for.
 */
void store_open_additional(struct store *store);
void store_close_additional(struct store *store);
/* Moves what dead processes left in tmp/ into the trash. */
int store_sweep_tmp(struct store *store, struct error *err);
/* Adds what dead processes left in tmp/: "tmp/<name>". */
int store_list_abandoned(struct store *store, struct strv *ret, struct error *err);
