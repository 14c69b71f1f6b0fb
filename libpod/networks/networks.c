/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the records. */
#include "libpod/networks/networks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/networks/internal.h"
#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "pkg/message/message.h"

#define RECORD_MAX (1 << 20)

/* podman's default network, by docker's name for it. */
static struct network_record *default_network(void)
{
	struct network_record *record = network_record_new();
	memcpy(record->id, "17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121",
	       sizeof(record->id)); /* sha256 of its name */
	record->name = xstrdup(NETWORKS_DEFAULT);
	record->driver = xstrdup("bridge");
	record->interface = xstrdup("coracle0");
	ip_prefix_parse("10.88.0.0/16", &record->subnets[0].prefix);
	ip_parse("10.88.0.1", &record->subnets[0].gateway);
	record->subnets_count = 1;
	return record;
}

static int open_directory(struct store *store, bool make, struct error *err)
{
	if (make && mkdirat(store->root_fd, "networks", 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make the directory of networks");
	int fd = openat(store->root_fd, "networks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : error_sys(err, errno, "open the directory of networks");
	return fd;
}

static char *file_of(const char *name)
{
	return xasprintf("%s.json", name);
}

static int read_record(int directory, const char *name, struct network_record **ret, struct error *err)
{
	auto_free char *file = file_of(name), *text = NULL;
	size_t length = 0;
	auto_network_record struct network_record *record = NULL;
	int r = file_read_at(directory, file, RECORD_MAX, &text, &length, err);
	if (r < 0)
		return r;
	if ((r = network_record_parse(text, length, &record, err)) < 0)
		return error_context(err, "network %s", name);
	if (strcmp(record->name, name) != 0)
		return error_set(err, EINVAL, "network %s: the record is of network %s", name, record->name);
	*ret = TAKE_PTR(record);
	return 0;
}

static void add_record(struct network_list *list, struct network_record *record)
{
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(struct network_record *));
	list->items[list->count++] = record;
}

static int by_name(const void *a, const void *b)
{
	const struct network_record *const *left = a, *const *right = b;
	return strcmp((*left)->name, (*right)->name);
}

static int read_all(int directory, struct network_list *list, struct error *err)
{
	auto_close int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir)
		return error_sys(err, errno, "read the directory of networks");
	copy = -1;
	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		struct network_record *record = NULL;
		struct error problem = ERROR_INIT;
		if (entry->d_name[0] == '.' || !text_ends_with(entry->d_name, ".json"))
			continue;
		auto_free char *name = xstrndup(entry->d_name, strlen(entry->d_name) - strlen(".json"));
		int r = read_record(directory, name, &record, &problem);
		/* One that cannot be read must not hide the others; one may have been removed just now. */
		if (r < 0 && r != -ENOENT)
			message_warn("%s", problem.text);
		if (r == 0)
			add_record(list, record);
	}
	return 0;
}

int networks_list(struct store *store, struct network_list *ret, struct error *err)
{
	auto_network_list struct network_list list = {0};
	add_record(&list, default_network());
	auto_close int directory = open_directory(store, false, err);
	int r = directory == -ENOENT ? 0 : directory < 0 ? directory : read_all(directory, &list, err);
	if (r < 0)
		return r;
	qsort(list.items, list.count, sizeof(struct network_record *), by_name);
	*ret = list;
	list = (struct network_list){0};
	return 0;
}

static int not_found(const char *name, struct error *err)
{
	return error_set(err, ENOENT, "unable to find network with name or ID %s: network not found", name);
}

static int find_by_id(struct store *store, const char *name, struct network_record **ret, struct error *err)
{
	auto_network_list struct network_list list = {0};
	int r = networks_list(store, &list, err);
	struct network_record **found = NULL;
	for (size_t i = 0; r == 0 && i < list.count; i++) {
		if (!text_starts_with(list.items[i]->id, name))
			continue;
		if (found)
			return error_set(err, EINVAL, "more than one result for network ID %s", name);
		found = &list.items[i];
	}
	if (r < 0 || !found)
		return r < 0 ? r : not_found(name, err);
	*ret = TAKE_PTR(*found);
	return 0;
}

int networks_find(struct store *store, const char *name, struct network_record **ret, struct error *err)
{
	if (strcmp(name, NETWORKS_DEFAULT) == 0) {
		*ret = default_network();
		return 0;
	}
	/* It becomes the name of a file. */
	if (network_name_check(name, NULL) < 0)
		return not_found(name, err);
	auto_close int directory = open_directory(store, false, err);
	int r = directory < 0 ? directory : read_record(directory, name, ret, err);
	if (r != -ENOENT)
		return r;
	error_clear(err);
	return text_is_hex(name, strlen(name)) ? find_by_id(store, name, ret, err) : not_found(name, err);
}

int networks_create(struct store *store, const struct network_request *request, struct network_record **ret,
		    struct error *err)
{
	auto_close int directory = open_directory(store, true, err);
	int r = directory < 0 ? directory : store_give(store, directory, err);
	if (r < 0)
		return r;
	auto_close int lock = lock_file_open(directory, ".lock", err);
	if (lock < 0 || (r = lock_take(lock, LOCK_MODE_EXCLUSIVE, err)) < 0)
		return lock < 0 ? lock : r;
	auto_network_list struct network_list all = {0};
	auto_network_record struct network_record *record = NULL;
	if ((r = networks_list(store, &all, err)) < 0 || (r = network_plan(request, &all, &record, err)) < 0)
		return r;
	auto_json struct json_object *json = network_record_json(record);
	auto_free char *text = json_text(json, true), *file = file_of(record->name);
	if ((r = file_write_at(directory, file, text, strlen(text), 0600, FILE_SYNC, err)) < 0)
		return r;
	*ret = TAKE_PTR(record);
	return 0;
}

int networks_remove(struct store *store, const struct network_record *record, struct error *err)
{
	if (strcmp(record->name, NETWORKS_DEFAULT) == 0)
		return error_set(err, EPERM, "default network %s cannot be removed", record->name);
	auto_close int directory = open_directory(store, false, err);
	if (directory < 0)
		return directory == -ENOENT ? not_found(record->name, err) : directory;
	auto_free char *file = file_of(record->name);
	if (unlinkat(directory, file, 0) < 0)
		return errno == ENOENT ? not_found(record->name, err)
				       : error_sys(err, errno, "remove network %s", record->name);
	return 0;
}
