/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/progress/progress.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/progress/internal.h"
#include "pkg/terminal/terminal.h"

#define SECOND INT64_C(1000000000)

static const int64_t quiet_time = SECOND;
static const int64_t draw_interval = SECOND / 10;
static const int64_t plain_interval = 10 * SECOND;

enum { COLUMNS_DEFAULT = 80, ROWS_DEFAULT = 24 };

struct progress {
	pthread_mutex_t mutex;
	int fd;
	bool is_terminal;
	int64_t begun_at, drawn_at;
	size_t drawn_lines; /* how many the cursor is below the first of ours */
	size_t *drawn_widths; /* of each of them */
	struct progress_item *items;
	size_t count;
};

static int64_t monotonic_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

struct progress *progress_begin(int fd)
{
	struct progress *progress = xcalloc(1, sizeof(*progress));
	pthread_mutex_init(&progress->mutex, NULL);
	progress->fd = fd;
	progress->is_terminal = isatty(fd);
	progress->begun_at = monotonic_now();
	return progress;
}

/* ---- on a terminal ---- */

static size_t unfinished(const struct progress *progress)
{
	size_t count = 0;
	for (size_t i = 0; i < progress->count; i++)
		count += !progress->items[i].finished;
	return count;
}

/* How far up the first line of ours is: a terminal that has become narrower since has broken what does not fit. */
static size_t rows_drawn(const struct progress *progress, size_t columns)
{
	size_t rows = 0;
	for (size_t i = 0; i < progress->drawn_lines; i++) {
		size_t width = progress->drawn_widths[i];
		rows += width > columns ? (width + columns - 1) / columns : 1;
	}
	return rows;
}

/* The cursor cannot go back to what has scrolled out of the screen, so no more is drawn than fits: first those that are
 * not finished, then as many others as there is room for. */
static void draw(struct progress *progress, int64_t now)
{
	struct winsize size;
	if (terminal_get_size(progress->fd, &size) < 0)
		size = (struct winsize){0};
	size_t columns = size.ws_col ? size.ws_col : COLUMNS_DEFAULT;
	size_t room = (size.ws_row ? size.ws_row : ROWS_DEFAULT) - (size_t)1;
	size_t open = unfinished(progress);
	size_t room_finished = open < room ? room - open : 0;
	size_t name_width = 0;
	for (size_t i = 0; i < progress->count; i++)
		if (strlen(progress->items[i].name) > name_width)
			name_width = strlen(progress->items[i].name);

	auto_strbuf struct strbuf text = STRBUF_INIT;
	if (progress->drawn_lines)
		strbuf_printf(&text, "\033[%zuA", rows_drawn(progress, columns));
	size_t lines = 0;
	progress->drawn_widths = xrealloc(progress->drawn_widths, (progress->count + 1) * sizeof(*progress->drawn_widths));
	for (size_t i = 0; i < progress->count && lines < room; i++) {
		struct progress_item *item = &progress->items[i];
		if (item->finished && room_finished == 0)
			continue;
		room_finished -= item->finished;
		/* The whole line is erased before it is written, so that the terminal forgets that it was a broken one. */
		strbuf_puts(&text, "\r\033[2K");
		progress_measure(item, now);
		/* The last column stays free: some terminals go to the next line when it is written. */
		size_t start = text.length;
		progress_line(item, name_width, columns - 1, &text);
		progress->drawn_widths[lines++] = text.length - start;
		strbuf_putc(&text, '\n');
	}
	strbuf_puts(&text, "\033[J"); /* lines of an earlier drawing that had more of them */
	write_all(progress->fd, text.data, text.length);
	progress->drawn_lines = lines;
	progress->drawn_at = now;
}

/* ---- elsewhere ---- */

static void write_plain_line(struct progress *progress, struct progress_item *item, int64_t now)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	strbuf_printf(&text, "%s: %s", item->name, item->state);
	if (item->told && !item->finished) {
		strbuf_putc(&text, ' ');
		progress_bytes(item, &text);
	}
	strbuf_putc(&text, '\n');
	write_all(progress->fd, text.data, text.length);
	item->told = true;
	item->told_at = now;
}

static void write_plain(struct progress *progress, int64_t now)
{
	for (size_t i = 0; i < progress->count; i++) {
		struct progress_item *item = &progress->items[i];
		if (!item->told || (!item->finished && now - item->told_at >= plain_interval))
			write_plain_line(progress, item, now);
	}
}

/* ---- both ---- */

/* `changed`: more than a number has, which is shown at once. */
static void show(struct progress *progress, bool changed)
{
	int64_t now = monotonic_now();
	if (now - progress->begun_at < quiet_time)
		return;
	if (!progress->is_terminal)
		write_plain(progress, now);
	else if (changed || now - progress->drawn_at >= draw_interval)
		draw(progress, now);
}

static void restart(struct progress_item *item, const char *state, uint64_t total)
{
	free(item->state);
	item->state = xstrdup(state);
	item->done = 0;
	item->total = total;
	item->told = false;
	item->measured_at = 0;
	item->rate = 0;
}

size_t progress_add(struct progress *progress, const char *name, const char *state, uint64_t total)
{
	if (!progress)
		return 0;
	pthread_mutex_lock(&progress->mutex);
	size_t number = progress->count++;
	progress->items = xrealloc(progress->items, progress->count * sizeof(*progress->items));
	progress->items[number] = (struct progress_item){.name = xstrdup(name)};
	restart(&progress->items[number], state, total);
	show(progress, true);
	pthread_mutex_unlock(&progress->mutex);
	return number;
}

void progress_update(struct progress *progress, size_t item, uint64_t done)
{
	if (!progress)
		return;
	pthread_mutex_lock(&progress->mutex);
	progress->items[item].done = done;
	show(progress, false);
	pthread_mutex_unlock(&progress->mutex);
}

void progress_state(struct progress *progress, size_t item, const char *state, uint64_t total)
{
	if (!progress)
		return;
	pthread_mutex_lock(&progress->mutex);
	restart(&progress->items[item], state, total);
	show(progress, true);
	pthread_mutex_unlock(&progress->mutex);
}

void progress_done(struct progress *progress, size_t item, const char *state)
{
	if (!progress)
		return;
	pthread_mutex_lock(&progress->mutex);
	restart(&progress->items[item], state, 0);
	progress->items[item].finished = true;
	show(progress, true);
	pthread_mutex_unlock(&progress->mutex);
}

void progress_end(struct progress *progress)
{
	if (!progress)
		return;
	show(progress, true);
	for (size_t i = 0; i < progress->count; i++) {
		free(progress->items[i].name);
		free(progress->items[i].state);
	}
	free(progress->items);
	free(progress->drawn_widths);
	pthread_mutex_destroy(&progress->mutex);
	free(progress);
}
