/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All layers. They are looked at by a child that is root in the user namespace, one after the other, each on all
 * processors; what it finds of them it says in memory that it shares with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "storage/check/layer.h"
#include "storage/image/image.h"
#include "storage/layer/layer.h"

struct verdicts {
	struct check *check;
	struct store_place place;
	const struct strv *layers;
	bool *damaged; /* shared; of each layer */
};

/* ---- findings ---- */
static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

int check_begin(struct check *check, struct error *err)
{
	check->counts = share(sizeof(*check->counts));
	if (!check->counts)
		return error_sys(err, errno, "get memory for the check");
	return store_mapping(check->store, &check->mapping, err);
}

void check_end(struct check *check)
{
	if (check->counts)
		munmap(check->counts, sizeof(*check->counts));
	strv_free(&check->damaged_layers);
	strv_free(&check->damaged_images);
}

void check_found(struct check *check, enum check_outcome outcome, const char *subject, const char *format, ...)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	char *line;
	va_list arguments;
	va_start(arguments, format);
	int n = vasprintf(&line, format, arguments);
	va_end(arguments);
	if (n < 0)
		abort();
	/* A name from an archive must not make lines of its own. */
	for (const char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			strbuf_printf(&text, "\\x%02x", (unsigned char)*c);
		else
			strbuf_putc(&text, *c);
	free(line);
	atomic_fetch_add(outcome == CHECK_MENDED ? &check->counts->mended : &check->counts->wrong, 1);
	check->show(outcome, subject, strbuf_text(&text));
}

/* ---- layers ---- */
static int check_layer(struct verdicts *verdicts, size_t index, bool mend, bool *ret_wrong, struct error *err)
{
	struct check *check = verdicts->check;
	const char *hex = strchr(verdicts->layers->items[index], ':') + 1;
	auto_close int lock = store_lock(check->store, mend ? LOCK_MODE_EXCLUSIVE : LOCK_MODE_SHARED, err);
	if (lock < 0)
		return lock;
	bool damaged = false;
	int r = layer_check_one(check, &verdicts->place, hex, mend, ret_wrong, &damaged, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		verdicts->damaged[index] = damaged;
	return r;
}

static void show_nothing(enum check_outcome outcome, const char *subject, const char *text)
{
	(void)outcome;
	(void)subject;
	(void)text;
}

void check_silently(struct check *copy, struct check_counts *counts)
{
	copy->show = show_nothing;
	copy->counts = counts;
}

static int check_and_mend(struct verdicts *verdicts, size_t index, struct error *err)
{
	struct check *check = verdicts->check, silent = *check;
	struct check_counts uncounted = {0};
	bool wrong = false;
	if (!check->repair || verdicts->place.read_only)
		return check_layer(verdicts, index, false, &wrong, err);
	check_silently(&silent, &uncounted);
	verdicts->check = &silent;
	int r = check_layer(verdicts, index, false, &wrong, err);
	verdicts->check = check;
	return r < 0 || !wrong ? r : check_layer(verdicts, index, true, &wrong, err);
}

static int check_all(void *data, struct error *err)
{
	struct verdicts *verdicts = data;
	for (size_t i = 0; i < verdicts->layers->count; i++) {
		int r = check_and_mend(verdicts, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_place(struct check *check, const struct store_place *place, struct error *err)
{
	auto_strv struct strv layers = STRV_INIT;
	int r = layer_list_place(place, &layers, err);
	if (r < 0 || layers.count == 0)
		return r;
	struct verdicts verdicts = {check, *place, &layers, share(layers.count)};
	if (!verdicts.damaged)
		return error_sys(err, errno, "get memory for the check");
	r = check->mapping.single ? check_all(&verdicts, err) : store_run_mapped(check->store, check_all, &verdicts, err);
	for (size_t i = 0; r == 0 && i < layers.count; i++)
		if (verdicts.damaged[i])
			strv_add(&check->damaged_layers, layers.items[i]);
	munmap(verdicts.damaged, layers.count);
	return r;
}

/* Additional stores are looked at, and are their owners' to mend. */
int check_layers(struct check *check, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < store_places(check->store); i++) {
		struct store_place place;
		if (store_place(check->store, i, &place))
			r = check_place(check, &place, err);
		else
			check_found(check, CHECK_WRONG, place.root, "the additional image store cannot be read: %s",
				    strerror(place.errnum));
	}
	return r;
}

/* ---- layers that nobody has ---- */
static bool is_old(struct check *check, const char *diff_id)
{
	struct stat st;
	auto_free char *path = xasprintf("layers/%s", strchr(diff_id, ':') + 1);
	return fstatat(check->store->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ctime + check->unused_age_s <= time(NULL);
}

int check_unused_layers(struct check *check, const struct strv *users, struct error *err)
{
	auto_strv struct strv used = STRV_INIT, layers = STRV_INIT;
	auto_close int lock = store_lock(check->store, LOCK_MODE_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	int r = image_layers_in_use(check->store, &used, err);
	if (r == 0)
		r = layer_list(check->store, &layers, err);
	strv_add_all(&used, users);
	for (size_t i = 0; r == 0 && i < layers.count; i++) {
		const char *hex = strchr(layers.items[i], ':') + 1;
		if (strv_contains(&used, layers.items[i]) || !is_old(check, layers.items[i]))
			continue;
		auto_free char *path = xasprintf("layers/%s", hex), *subject = xasprintf("layer %.12s", hex);
		if (check->repair)
			r = store_trash(check->store, path, err);
		if (r == 0)
			check_found(check, check->repair ? CHECK_MENDED : CHECK_WRONG, subject,
				    "neither an image nor a container has it");
	}
	return r;
}
