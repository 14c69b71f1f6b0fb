/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, and the times that --since and --until take. */
#include <string.h>

#include "pkg/text/calendar.h"
#include "pkg/text/number.h"
#include "pkg/text/text.h"

/* Go's units. "µs" comes with either of Unicode's two letters. */
static int64_t take_unit(const char **text)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
	    {"ns", 1},       {"us", 1000},         {"\xc2\xb5s", 1000},       {"\xce\xbcs", 1000},
	    {"ms", 1000000}, {"s", NS_PER_SECOND}, {"m", 60 * NS_PER_SECOND}, {"h", 3600 * NS_PER_SECOND},
	};
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!text_starts_with(*text, units[i].name))
			continue;
		*text += strlen(units[i].name);
		return units[i].ns;
	}
	return 0;
}

/* 0, -EINVAL or -ERANGE. */
static int duration(const char *text, int64_t *ret_ns)
{
	bool negative = *text == '-';
	if (*text == '-' || *text == '+')
		text++;
	if (!*text)
		return -EINVAL;
	int64_t total = 0;
	if (strcmp(text, "0") == 0)
		text++;
	while (*text) {
		struct decimal number;
		int64_t unit, part;
		if (!decimal_parse(&text, &number) || !(unit = take_unit(&text)))
			return -EINVAL;
		if (!decimal_multiply(&number, unit, &part) || __builtin_add_overflow(total, part, &total))
			return -ERANGE;
	}
	*ret_ns = negative ? -total : total;
	return 0;
}

int parse_duration(const char *text, const char *what, int64_t *ret_ns, struct error *err)
{
	int r = duration(text, ret_ns);
	if (r == -ERANGE)
		return error_set(err, ERANGE, "%s: the duration '%s' is too long", what, text);
	if (r < 0)
		return error_set(err, EINVAL, "%s: '%s' is not a duration; write it like 1h30m, 10s or 500ms", what,
				 text);
	return 0;
}

static int unix_time(const char *text, int64_t *ret_ns)
{
	bool negative = *text == '-';
	struct decimal number;
	text += negative;
	if (!decimal_parse(&text, &number) || *text)
		return -EINVAL;
	int64_t ns;
	if (!decimal_multiply(&number, NS_PER_SECOND, &ns))
		return -ERANGE;
	*ret_ns = negative ? -ns : ns;
	return 0;
}

/* A stamp without a zone is one of the zone we are in, by its rules at that time. */
static int local_time(const struct stamp *stamp, int64_t *ret_ns)
{
	struct tm local = {
	    .tm_year = stamp->year - 1900,
	    .tm_mon = stamp->month - 1,
	    .tm_mday = stamp->day,
	    .tm_hour = stamp->hour,
	    .tm_min = stamp->minute,
	    .tm_sec = stamp->second,
	    .tm_isdst = -1,
	};
	time_t seconds = mktime(&local);
	int64_t ns;
	if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &ns) || __builtin_add_overflow(ns, stamp->nanosecond, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

static int point_in_time(const char *text, int64_t *ret_ns)
{
	struct stamp stamp;
	if (stamp_parse(text, &stamp))
		return stamp.has_zone ? stamp_to_ns(&stamp, ret_ns) : local_time(&stamp, ret_ns);
	int r = unix_time(text, ret_ns);
	if (r != -EINVAL)
		return r;
	int64_t before, ns;
	r = duration(text, &before);
	if (r < 0)
		return r;
	if (__builtin_sub_overflow(time_now_ns(), before, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

int parse_time(const char *text, const char *what, int64_t *ret_ns, struct error *err)
{
	int r = point_in_time(text, ret_ns);
	if (r == -ERANGE)
		return error_set(err, ERANGE, "%s: the time '%s' is too far away", what, text);
	if (r < 0)
		return error_set(err, EINVAL,
				 "%s: '%s' is not a time; write 2024-05-01T10:00:00, 2024-05-01, Unix seconds, or 10m "
				 "for ten minutes ago",
				 what, text);
	return 0;
}
