/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/progress/internal.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

enum {
	BAR_MAX = 30,
	BAR_MIN = 8,
	STATE_WIDTH = 12, /* "Downloading" and "Extracting" under each other */
};

void progress_measure(struct progress_item *item, int64_t now)
{
	if (item->measured_at == 0 || item->done < item->measured_from) {
		item->measured_at = now;
		item->measured_from = item->done;
		item->rate = 0;
		return;
	}
	int64_t elapsed = now - item->measured_at;
	if (elapsed < SECOND / 2)
		return;
	uint64_t rate = (uint64_t)((double)(item->done - item->measured_from) * SECOND / (double)elapsed);
	item->rate = item->rate ? (item->rate + rate) / 2 : rate;
	item->measured_at = now;
	item->measured_from = item->done;
}

void progress_bytes(const struct progress_item *item, struct strbuf *out)
{
	char text[TEXT_STAMP_MAX];
	strbuf_puts(out, format_human_size(text, item->done));
	if (item->total)
		strbuf_printf(out, "/%s", format_human_size(text, item->total));
}

static void add_bar(const struct progress_item *item, size_t width, struct strbuf *out)
{
	double part = item->done < item->total ? (double)item->done / (double)item->total : 1;
	size_t filled = (size_t)(part * (double)width);
	strbuf_putc(out, '[');
	for (size_t i = 0; i < width; i++)
		strbuf_putc(out, i < filled ? '=' : i == filled ? '>' : ' ');
	strbuf_puts(out, "]  ");
}

void progress_line(const struct progress_item *item, size_t name_width, size_t width, struct strbuf *out)
{
	size_t start = out->length;
	strbuf_printf(out, "%s: %*s", item->name, (int)(name_width - strlen(item->name)), "");
	if (item->finished) {
		strbuf_puts(out, item->state);
	} else {
		auto_strbuf struct strbuf numbers = STRBUF_INIT;
		progress_bytes(item, &numbers);
		char text[TEXT_STAMP_MAX];
		if (item->rate)
			strbuf_printf(&numbers, "  %s/s", format_human_size(text, item->rate));
		strbuf_printf(out, "%-*s ", STATE_WIDTH, item->state);
		/* The bar has what the text leaves; "[", "]" and two blanks are part of it. */
		size_t used = out->length - start + numbers.length + 4;
		size_t bar = width > used ? width - used : 0;
		if (item->total && bar >= BAR_MIN)
			add_bar(item, bar > BAR_MAX ? BAR_MAX : bar, out);
		if (item->done || item->total)
			strbuf_add(out, numbers.data, numbers.length);
	}
	if (out->length - start > width)
		strbuf_truncate(out, start + width);
}
