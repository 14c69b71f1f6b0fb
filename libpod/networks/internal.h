/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. */
#pragma once

#include <json-c/json.h>

#include "libpod/networks/networks.h"

int network_record_parse(const char *text, size_t length, struct network_record **ret, struct error *err);

/* subnet.c */
/* Fills in the record's subnets from the request. `all`: the other networks. */
int network_choose_subnets(const struct network_request *request, const struct network_list *all,
			   struct network_record *record, struct error *err);

/* create.c: what a new network will be, among all that there are. Nothing is written. */
int network_plan(const struct network_request *request, const struct network_list *all, struct network_record **ret,
		 struct error *err);
