/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listed: the first line of a record, which is all that lists need of it, of hundreds of containers.
 *
 * It is read by pkg/json/scan.h, straight into the container, by the same table as by json-c's tree. What that does not know is left to record.c, which
 * also finds the words for what is wrong.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/container/networks.h"
#include "libpod/container/record.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/json/scan.h"

#define LISTED_USUAL 4096

/* NULL: none of those. `hint`: the index of the one that is probably it, for they stand in the table's order. */
static const struct record_member *find_listed(const char *key, size_t length, size_t *hint)
{
	for (size_t i = 0; i < record_members_count; i++) {
		const struct record_member *member = &record_members[(*hint + i) % record_members_count];
		if (!member->listed || strncmp(member->key, key, length) != 0 || member->key[length])
			continue;
		*hint = (size_t)(member - record_members) + 1;
		return member;
	}
	return NULL;
}

/* A member that is there twice is odd. */
static void scan_member(struct json_scan *scan, struct container *container, const struct record_member *member)
{
	void *at = record_field(container, member);
	switch (member->kind) {
	case STRING:
		if (*(char **)at)
			scan->odd = true;
		else
			*(char **)at = json_scan_string(scan);
		break;
	case VECTOR:
	case MAP:
		if (((struct strv *)at)->count)
			scan->odd = true;
		(member->kind == MAP ? json_scan_map : json_scan_strv)(scan, at);
		break;
	case BOOLEAN:
		*(bool *)at = json_scan_bool(scan);
		break;
	case INTEGER64:
		*(int64_t *)at = json_scan_int(scan);
		break;
	case INTEGER:
		scan->odd = true; /* lists show none */
		break;
	}
}

static void scan_id(struct json_scan *scan, struct container *container)
{
	auto_free char *id = json_scan_string(scan);
	if (!id || strlen(id) >= sizeof(container->id) || *container->id)
		scan->odd = true;
	else
		memcpy(container->id, id, strlen(id) + 1);
}

/* The first line without json-c's tree, but for ports and networks. False: it has something that json_scan does not know; `container` is then to be thrown away. */
static bool scan_listed(const char *text, size_t length, struct container *container)
{
	struct json_scan scan = {.at = text, .end = text + length};
	auto_json struct json_object *trees = NULL;
	size_t hint = 0;
	json_scan_expect(&scan, '{');
	do {
		const char *key;
		size_t key_length = json_scan_key(&scan, &key);
		const struct record_member *member = find_listed(key, key_length, &hint);
		if (member) {
			scan_member(&scan, container, member);
		} else if (key_length == 2 && memcmp(key, "id", 2) == 0) {
			scan_id(&scan, container);
		} else if (!scan.odd) {
			auto_free char *name = xstrndup(key, key_length);
			struct json_object *tree = json_scan_tree(&scan);
			if (!trees)
				trees = json_object_new_object();
			json_object_object_add(trees, name, tree);
		}
	} while (json_scan_take(&scan, ','));
	json_scan_expect(&scan, '}');
	json_scan_expect(&scan, '\n');
	return !scan.odd && scan.at == scan.end && record_ports_parse(trees, container, NULL) >= 0 &&
	       container_networks_parse(trees, container, NULL) >= 0;
}

/* Nearly always one read has the first line; whatever else there is to say of the file, the other way says. */
int container_read_listed(struct store *store, const char *id, struct container **ret, struct error *err)
{
	char path[sizeof("containers//" RECORD_FILE) + 64], text[LISTED_USUAL];
	snprintf(path, sizeof(path), "containers/%.64s/" RECORD_FILE, id);
	auto_close int fd = openat(store->root_fd, path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	const char *newline = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	if (!newline)
		return record_read(store, id, true, ret, err);
	auto_container struct container *container = container_new();
	if (!scan_listed(text, (size_t)(newline + 1 - text), container) || record_check(container, id, NULL) < 0)
		return record_make(text, (size_t)n, true, id, ret, err);
	*ret = TAKE_PTR(container);
	return 0;
}
