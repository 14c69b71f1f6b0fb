/* SPDX-License-Identifier: Apache-2.0 */
#include "src/each.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "pkg/file/file.h"
#include "pkg/message/message.h"
#include "src/session.h"

static int add_cid_files(const struct each_options *options, struct strv *names, struct error *err)
{
	for (size_t i = 0; i < options->cid_files.count; i++) {
		auto_free char *id = NULL;
		int r = file_read_at(AT_FDCWD, options->cid_files.items[i], 4096, &id, NULL, err);
		if (r == -ENOENT && options->ignore)
			continue;
		if (r < 0)
			return r;
		id[strcspn(id, "\n")] = '\0';
		strv_add(names, id);
	}
	return 0;
}

/* Does it to one; an error is printed and remembered. */
static bool act(struct each *each, struct container_entry *entry, const char *name)
{
	struct error err = ERROR_INIT;
	int r = each->action(each, entry, name, &err);
	if (r < 0) {
		message_error("%s", err.text);
		return false;
	}
	if (r == 0 && !each->quiet)
		printf("%s\n", name);
	return true;
}

/* By its name, its id, or the beginning of that. */
static bool is_gone(const struct each *each, const char *name)
{
	for (size_t i = 0; i < each->gone.count; i++)
		if (strcmp(each->gone.items[i], name) == 0 || (text_is_hex(name, strlen(name)) && text_starts_with(each->gone.items[i], name)))
			return true;
	return false;
}

static bool act_named(struct each *each, const struct each_options *options, const char *name)
{
	struct error err = ERROR_INIT;
	auto_strv struct strv one = STRV_INIT;
	strv_add(&one, name);
	auto_container_list struct container_list list = {0};
	int r = container_select(each->store, &(struct container_selection){.names = &one}, &list, &err);
	if (r == -ENOENT && (options->ignore || is_gone(each, name)))
		return true;
	if (r < 0) {
		message_error("%s", err.text);
		return false;
	}
	return act(each, &list.items[0], name);
}

int each_container(struct cli_context *context, struct each *each, struct error *err)
{
	const struct each_options *options = context->options;
	auto_store struct store *store = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	each->store = store;
	each->options = options;
	auto_strv struct strv names = STRV_INIT;
	session_behind(context, 0, &names);
	if ((r = add_cid_files(options, &names, err)) < 0)
		return r;
	bool selected = options->all || options->latest || options->filters.count;
	if (names.count && selected)
		return error_set(err, EINVAL, "give either names or one of --all, --latest and --filter");
	if (!names.count && !selected) {
		if (options->cid_files.count && options->ignore)
			return 0;
		return error_set(err, EINVAL, "%s needs the name or id of a container, or --all", context->command_path);
	}

	bool good = true;
	for (size_t i = 0; i < names.count; i++)
		good &= act_named(each, options, names.items[i]);
	auto_container_list struct container_list list = {0};
	struct container_selection selection = {.all = true, .latest = options->latest, .filters = &options->filters};
	if (selected && (r = container_select(store, &selection, &list, err)) < 0)
		return r;
	for (size_t i = 0; i < list.count; i++)
		if (!is_gone(each, list.items[i].container->id))
			good &= act(each, &list.items[i], list.items[i].container->id);
	if (each->after)
		each->after(store);
	strv_free(&each->gone);
	return good ? 0 : 125;
}
