/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: makes tars by hand, entry by entry, also such that no program would make. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "pkg/tar/tar.h"
#include "pkg/text/text.h"

struct compose {
	char type;
	const char *name;
	const char *link;    /* NULL: none */
	const char *content; /* NULL: none */
	unsigned int mode;   /* 0: 0644 */
	unsigned int uid, gid;
	long long mtime; /* 0: 1000000000 */
	unsigned int major, minor;
	const char *pax; /* records of a pax header that goes before, "key=value\n" without lengths; NULL: none */
};

static inline void compose_pad(struct strbuf *tar)
{
	while (tar->length % TAR_BLOCK)
		strbuf_putc(tar, '\0');
}

/* Octal digits and a NUL that fill the field. */
static inline void compose_number(char *field, size_t width, unsigned long long number)
{
	field[--width] = '\0';
	for (; width > 0; number >>= 3)
		field[--width] = (char)('0' + (number & 7));
}

static inline void compose_header(struct strbuf *tar, const struct compose *entry, size_t size)
{
	char header[TAR_BLOCK + 1] = {0};
	strncpy(header, entry->name, 100);
	compose_number(header + 100, 8, entry->mode ? entry->mode : 0644);
	compose_number(header + 108, 8, entry->uid);
	compose_number(header + 116, 8, entry->gid);
	compose_number(header + 124, 12, size);
	compose_number(header + 136, 12, entry->mtime ? (unsigned long long)entry->mtime : 1000000000);
	memset(header + 148, ' ', 8);
	header[156] = entry->type;
	if (entry->link)
		strncpy(header + 157, entry->link, 100);
	memcpy(header + 257,
	       "ustar\0"
	       "00",
	       8);
	compose_number(header + 329, 8, entry->major);
	compose_number(header + 337, 8, entry->minor);
	unsigned int sum = 0;
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)header[i];
	compose_number(header + 148, 7, sum);
	strbuf_add(tar, header, TAR_BLOCK);
}

/* One pax record: "<length> <key>=<value>\n", where the length counts its own digits. */
static inline void compose_pax_record(struct strbuf *out, const char *record, size_t length)
{
	size_t total = length + 3;
	for (int i = 0; i < 3; i++)
		total = length + 2 + (size_t)snprintf(NULL, 0, "%zu", total);
	strbuf_printf(out, "%zu ", total);
	strbuf_add(out, record, length);
	strbuf_putc(out, '\n');
}

static inline void compose_data(struct strbuf *tar, char type, const void *data, size_t length)
{
	compose_header(tar, &(struct compose){.type = type, .name = "extended"}, length);
	strbuf_add(tar, data, length);
	compose_pad(tar);
}

static inline void compose_add(struct strbuf *tar, struct compose entry)
{
	if (entry.pax) {
		auto_strbuf struct strbuf records = STRBUF_INIT;
		for (const char *record = entry.pax; *record; record += strcspn(record, "\n") + 1)
			compose_pax_record(&records, record, strcspn(record, "\n"));
		compose_data(tar, 'x', records.data, records.length);
	}
	size_t size = entry.content ? strlen(entry.content) : 0;
	compose_header(tar, &entry, size);
	if (entry.content)
		strbuf_puts(tar, entry.content);
	compose_pad(tar);
}

static inline void compose_end(struct strbuf *tar)
{
	char zeros[2 * TAR_BLOCK] = {0};
	strbuf_add(tar, zeros, sizeof(zeros));
}
