/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/text/text.h"

static void reserve(struct strbuf *buffer, size_t more)
{
	size_t needed = buffer->length + more + 1;
	if (needed <= buffer->capacity)
		return;
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	while (capacity < needed)
		capacity += capacity / 2;
	buffer->data = xrealloc(buffer->data, capacity);
	buffer->capacity = capacity;
}

void strbuf_free(struct strbuf *buffer)
{
	free(buffer->data);
	*buffer = STRBUF_INIT;
}

void strbuf_add(struct strbuf *buffer, const void *data, size_t length)
{
	reserve(buffer, length);
	if (length)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void strbuf_puts(struct strbuf *buffer, const char *text)
{
	strbuf_add(buffer, text, strlen(text));
}

void strbuf_putc(struct strbuf *buffer, char c)
{
	strbuf_add(buffer, &c, 1);
}

void strbuf_printf(struct strbuf *buffer, const char *format, ...)
{
	va_list args;
	size_t room = buffer->capacity - buffer->length;
	va_start(args, format);
	int n = vsnprintf(room ? buffer->data + buffer->length : NULL, room, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		reserve(buffer, (size_t)n);
		va_start(args, format);
		vsnprintf(buffer->data + buffer->length, (size_t)n + 1, format, args);
		va_end(args);
	}
	buffer->length += (size_t)n;
}

void strbuf_truncate(struct strbuf *buffer, size_t length)
{
	if (length >= buffer->length)
		return;
	buffer->length = length;
	buffer->data[length] = '\0';
}

const char *strbuf_text(const struct strbuf *buffer)
{
	return buffer->data ? buffer->data : "";
}

char *strbuf_take(struct strbuf *buffer)
{
	char *text = buffer->data ? buffer->data : xstrdup("");
	*buffer = STRBUF_INIT;
	return text;
}
