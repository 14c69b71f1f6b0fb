/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: strings that grow, vectors of strings, and the parsing and printing of numbers, sizes, times and durations as
 * docker and podman write them.
 *
 * Running out of memory: the strbuf and strv functions end the program (exit 125, one line) when malloc fails, as every
 * command-line program's do; long-lived processes (the monitor, the port forwarder) do not use this module after start.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"

/* ---- memory: these never return NULL ---- */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *pointer, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- strbuf: a string that grows; always NUL-terminated once anything was added ---- */
struct strbuf {
	char *data; /* NULL while empty and never written */
	size_t length;
	size_t capacity;
};
#define STRBUF_INIT ((struct strbuf){0})
void strbuf_free(struct strbuf *buffer);
#define auto_strbuf CLEANUP(strbuf_free)
void strbuf_add(struct strbuf *buffer, const void *data, size_t length);
void strbuf_puts(struct strbuf *buffer, const char *text);
void strbuf_putc(struct strbuf *buffer, char c);
void strbuf_printf(struct strbuf *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_truncate(struct strbuf *buffer, size_t length);
/* The text, "" when empty; valid until the next change. */
const char *strbuf_text(const struct strbuf *buffer);
/* Gives the malloc'd text to the caller and empties the buffer; never NULL. */
char *strbuf_take(struct strbuf *buffer);

/* ---- strv: a NULL-terminated vector of malloc'd strings, which it owns ---- */
struct strv {
	char **items; /* NULL while empty */
	size_t count;
	size_t capacity;
};
#define STRV_INIT ((struct strv){0})
void strv_free(struct strv *vector);
#define auto_strv CLEANUP(strv_free)
void strv_add(struct strv *vector, const char *text);
void strv_take(struct strv *vector, char *text); /* takes ownership of text */
void strv_addf(struct strv *vector, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_add_all(struct strv *vector, const struct strv *other);
bool strv_contains(const struct strv *vector, const char *text);
void strv_remove(struct strv *vector, size_t index);
void strv_clear(struct strv *vector);
/* Splits at each `separator`; empty pieces are kept. "" gives one empty piece. */
void strv_split(struct strv *vector, const char *text, char separator);
char *strv_join(const struct strv *vector, const char *separator); /* malloc'd, never NULL */
/* "KEY=value" lists: the value of the last entry KEY, or NULL; strv_env_set replaces or adds. */
const char *strv_env_get(const struct strv *vector, const char *key);
void strv_env_set(struct strv *vector, const char *assignment);
void strv_env_unset(struct strv *vector, const char *key);

/* ---- tests and searches ---- */
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
static inline bool text_is_empty(const char *text)
{
	return !text || !*text;
}
bool text_is_hex(const char *text, size_t length); /* that many lower-case hex digits at the start */
/* Lays `length` random bytes' worth of lower-case hex (2*bytes digits and a NUL) into `out`. */
void text_random_hex(char *out, size_t bytes);
/* What others wrote, for a line of a table: control characters, that would end the line or move the cursor, are blanks, and of more than `most` bytes the
 * first `kept` (less, not to cut a character of UTF-8) stay, with "..." behind. malloc'd. */
char *text_for_table(const char *text, size_t most, size_t kept);

/* ---- numbers; the whole text must be one, errors name `what` and the text ---- */
int parse_int64(const char *text, const char *what, int64_t min, int64_t max, int64_t *ret, struct error *err);
int parse_bool(const char *text, const char *what, bool *ret, struct error *err); /* Go's: 1 t true 0 f false … */
/* docker's sizes: number with optional fraction and b k m g t p (and kb kib …), powers of 1024. */
int parse_size(const char *text, const char *what, int64_t *ret_bytes, struct error *err);
/* Go's durations: "1h30m", "500ms", "1.5s"; "0" is allowed. Nanoseconds. */
int parse_duration(const char *text, const char *what, int64_t *ret_ns, struct error *err);
/* A time for --since/--until: RFC 3339 (with or without zone: local), a date, Unix seconds with fraction, or a duration
 * before now. Nanoseconds since 1970. */
int parse_time(const char *text, const char *what, int64_t *ret_ns, struct error *err);

/* ---- times and sizes for people; the buffers need 64 bytes ---- */
#define TEXT_STAMP_MAX 64
int64_t time_now_ns(void); /* CLOCK_REALTIME */
char *format_rfc3339_nano(char *out, int64_t ns_since_1970); /* UTC with Z, nine digits: 2024-05-01T10:00:00.123456789Z */
/* The same in the local zone with its offset, as podman inspect prints times. */
char *format_rfc3339_local(char *out, int64_t ns_since_1970);
/* As docker and podman show a time in their lists, local: "2024-05-01 10:00:00 +0000 UTC" */
char *format_listed_time(char *out, int64_t ns_since_1970);
/* A full date and time with a zone. 0, -EINVAL, or -ERANGE outside the years 1678 to 2261 (Go's zero time is of year 1). */
int parse_rfc3339(const char *text, int64_t *ret_ns);
char *format_human_duration(char *out, int64_t seconds); /* docker's units.HumanDuration: "3 minutes", "About an hour" */
char *format_human_size(char *out, uint64_t bytes);      /* docker's units.HumanSize: powers of 1000, three digits: "1.23MB" */
char *format_binary_size(char *out, uint64_t bytes);     /* docker's units.BytesSize: powers of 1024, four digits: "1.234MiB" */
