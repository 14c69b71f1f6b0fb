/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pkg/text/text.h"

void strv_free(struct strv *vector)
{
	strv_clear(vector);
	free(vector->items);
	*vector = STRV_INIT;
}

void strv_take(struct strv *vector, char *text)
{
	if (vector->count + 2 > vector->capacity) {
		vector->capacity = vector->capacity ? 2 * vector->capacity : 8;
		vector->items = xrealloc(vector->items, vector->capacity * sizeof(*vector->items));
	}
	vector->items[vector->count++] = text;
	vector->items[vector->count] = NULL;
}

void strv_add(struct strv *vector, const char *text)
{
	strv_take(vector, xstrdup(text));
}

void strv_addf(struct strv *vector, const char *format, ...)
{
	char *text;
	va_list args;
	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	strv_take(vector, n < 0 ? xstrdup("") : text);
}

void strv_add_all(struct strv *vector, const struct strv *other)
{
	for (size_t i = 0; i < other->count; i++)
		strv_add(vector, other->items[i]);
}

bool strv_contains(const struct strv *vector, const char *text)
{
	for (size_t i = 0; i < vector->count; i++)
		if (strcmp(vector->items[i], text) == 0)
			return true;
	return false;
}

void strv_remove(struct strv *vector, size_t index)
{
	if (index >= vector->count)
		return;
	free(vector->items[index]);
	memmove(vector->items + index, vector->items + index + 1, (vector->count - index) * sizeof(*vector->items));
	vector->count--;
}

void strv_clear(struct strv *vector)
{
	for (size_t i = 0; i < vector->count; i++)
		free(vector->items[i]);
	vector->count = 0;
	if (vector->items)
		vector->items[0] = NULL;
}

void strv_split(struct strv *vector, const char *text, char separator)
{
	for (;;) {
		const char *end = strchr(text, separator);
		if (!end)
			break;
		strv_take(vector, xstrndup(text, (size_t)(end - text)));
		text = end + 1;
	}
	strv_add(vector, text);
}

char *strv_join(const struct strv *vector, const char *separator)
{
	struct strbuf buffer = STRBUF_INIT;
	for (size_t i = 0; i < vector->count; i++) {
		if (i)
			strbuf_puts(&buffer, separator);
		strbuf_puts(&buffer, vector->items[i]);
	}
	return strbuf_take(&buffer);
}

/* The length of KEY in "KEY=value" (or in "KEY"). */
static size_t key_length(const char *assignment)
{
	return strcspn(assignment, "=");
}

static bool has_key(const char *assignment, const char *key, size_t length)
{
	return key_length(assignment) == length && strncmp(assignment, key, length) == 0;
}

const char *strv_env_get(const struct strv *vector, const char *key)
{
	size_t length = strlen(key);
	for (size_t i = vector->count; i-- > 0;)
		if (has_key(vector->items[i], key, length) && vector->items[i][length] == '=')
			return vector->items[i] + length + 1;
	return NULL;
}

void strv_env_set(struct strv *vector, const char *assignment)
{
	size_t length = key_length(assignment);
	for (size_t i = 0; i < vector->count; i++) {
		if (!has_key(vector->items[i], assignment, length))
			continue;
		char *copy = xstrdup(assignment);
		free(vector->items[i]);
		vector->items[i] = copy;
		return;
	}
	strv_add(vector, assignment);
}

void strv_env_unset(struct strv *vector, const char *key)
{
	for (size_t i = vector->count; i-- > 0;)
		if (has_key(vector->items[i], key, strlen(key)))
			strv_remove(vector, i);
}
