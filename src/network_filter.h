/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network_filter: which networks a command means by --filter KEY=VALUE, as podman has it:
 *
 *	name (a part of it, or a regular expression), id=START, driver=DRIVER,
 *	label[=value], label![=value], until=TIME, dangling=BOOL
 *
 * Different keys must all hold; of the values of one key any, but of labels all.
 */
#pragma once

#include "libpod/networks/networks.h"

/* -EINVAL when there is another key than those in `known`, which single blanks part. */
int network_check_filters(const struct strv *filters, const char *known, struct error *err);
/* 1, 0 or negative. */
int network_matches(struct store *store, const struct network_record *record, const struct strv *filters,
		    struct error *err);
/* The ids of the containers, running or not, that are on the network. */
int network_users(struct store *store, const char *name, struct strv *ret, struct error *err);
/* Removes those that match and that no container is on; adds their names. */
int network_prune(struct store *store, const struct strv *filters, struct strv *ret, struct error *err);
