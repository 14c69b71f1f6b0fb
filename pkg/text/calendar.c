/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as RFC 3339 writes them. UTC is computed here and not by gmtime(3) and timegm(3): those read the time zone file
 * first, which no container start should wait for.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pkg/text/calendar.h"
#include "pkg/text/text.h"

int64_t time_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so that the leap day is their
 * last. */
static int64_t days_from_date(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	*ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (int)(month < 10 ? month + 3 : month - 9);
	*ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

static int64_t floor_divide(int64_t number, int64_t by)
{
	return number / by - (number % by < 0);
}

static char *put_digits(char *out, int width, int64_t number)
{
	for (int i = width; i-- > 0; number /= 10)
		out[i] = (char)('0' + number % 10);
	return out + width;
}

/* "2024-05-01T10:00:00.123456789", `ns` taken as if it were UTC; where it ends. */
static char *put_stamp(char *out, int64_t ns)
{
	int64_t seconds = floor_divide(ns, NS_PER_SECOND);
	int64_t days = floor_divide(seconds, 86400);
	int64_t second_of_day = seconds - days * 86400;
	int year, month, day;
	date_from_days(days, &year, &month, &day);
	out = put_digits(out, 4, year);
	*out++ = '-';
	out = put_digits(out, 2, month);
	*out++ = '-';
	out = put_digits(out, 2, day);
	*out++ = 'T';
	out = put_digits(out, 2, second_of_day / 3600);
	*out++ = ':';
	out = put_digits(out, 2, second_of_day / 60 % 60);
	*out++ = ':';
	out = put_digits(out, 2, second_of_day % 60);
	*out++ = '.';
	/* Not ns - seconds * NS_PER_SECOND, which the earliest times overflow. */
	return put_digits(out, 9, (ns % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND);
}

char *format_rfc3339_nano(char *out, int64_t ns_since_1970)
{
	char *end = put_stamp(out, ns_since_1970);
	*end++ = 'Z';
	*end = '\0';
	return out;
}

char *format_rfc3339_local(char *out, int64_t ns_since_1970)
{
	time_t seconds = floor_divide(ns_since_1970, NS_PER_SECOND);
	struct tm local;
	int64_t shifted;
	if (!localtime_r(&seconds, &local) || local.tm_gmtoff == 0 ||
	    __builtin_add_overflow(ns_since_1970, local.tm_gmtoff * NS_PER_SECOND, &shifted))
		return format_rfc3339_nano(out, ns_since_1970);
	char *end = put_stamp(out, shifted);
	long minutes = labs(local.tm_gmtoff) / 60;
	*end++ = local.tm_gmtoff < 0 ? '-' : '+';
	end = put_digits(end, 2, minutes / 60);
	*end++ = ':';
	end = put_digits(end, 2, minutes % 60);
	*end = '\0';
	return out;
}

char *format_listed_time(char *out, int64_t ns_since_1970)
{
	time_t seconds = floor_divide(ns_since_1970, NS_PER_SECOND);
	struct tm local;
	if (!localtime_r(&seconds, &local) || strftime(out, TEXT_STAMP_MAX, "%F %T %z %Z", &local) == 0)
		return format_rfc3339_nano(out, ns_since_1970);
	return out;
}

/* Exactly `width` digits with a value between min and max. */
static bool take_digits(const char **text, int width, int min, int max, int *ret)
{
	int value = 0;
	for (int i = 0; i < width; i++) {
		if (!isdigit((unsigned char)(*text)[i]))
			return false;
		value = value * 10 + ((*text)[i] - '0');
	}
	if (value < min || value > max)
		return false;
	*text += width;
	*ret = value;
	return true;
}

static bool take_char(const char **text, const char *any_of)
{
	if (!**text || !strchr(any_of, **text))
		return false;
	(*text)++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (leap && month == 2);
}

static bool take_date(const char **text, struct stamp *stamp)
{
	return take_digits(text, 4, 0, 9999, &stamp->year) && take_char(text, "-") &&
	       take_digits(text, 2, 1, 12, &stamp->month) && take_char(text, "-") &&
	       take_digits(text, 2, 1, days_in_month(stamp->year, stamp->month), &stamp->day);
}

static bool take_fraction(const char **text, struct stamp *stamp)
{
	if (!isdigit((unsigned char)**text))
		return false;
	int unit = NS_PER_SECOND / 10;
	for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
		stamp->nanosecond += (**text - '0') * unit;
	return true;
}

/* hh, and as far as they are there :mm, :ss (60 is a leap second) and a fraction. */
static bool take_clock(const char **text, struct stamp *stamp)
{
	if (!take_digits(text, 2, 0, 23, &stamp->hour))
		return false;
	if (!take_char(text, ":"))
		return true;
	if (!take_digits(text, 2, 0, 59, &stamp->minute))
		return false;
	if (!take_char(text, ":"))
		return true;
	if (!take_digits(text, 2, 0, 60, &stamp->second))
		return false;
	stamp->has_seconds = true;
	return !take_char(text, ".") || take_fraction(text, stamp);
}

static bool take_zone(const char **text, struct stamp *stamp)
{
	if (!**text)
		return true;
	stamp->has_zone = true;
	if (take_char(text, "Zz"))
		return true;
	int sign = **text == '-' ? -1 : 1, hours, minutes;
	if (!take_char(text, "+-") || !take_digits(text, 2, 0, 23, &hours) || !take_char(text, ":") ||
	    !take_digits(text, 2, 0, 59, &minutes))
		return false;
	stamp->offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool stamp_parse(const char *text, struct stamp *ret)
{
	struct stamp stamp = {.year = 0};
	if (!take_date(&text, &stamp) || (take_char(&text, "Tt ") && !take_clock(&text, &stamp)) ||
	    !take_zone(&text, &stamp) || *text)
		return false;
	*ret = stamp;
	return true;
}

int stamp_to_ns(const struct stamp *stamp, int64_t *ret_ns)
{
	int second_of_day = stamp->hour * 3600 + stamp->minute * 60 + stamp->second;
	int64_t days = days_from_date(stamp->year, stamp->month, stamp->day);
	int64_t seconds = days * 86400 + second_of_day - stamp->offset;
	int64_t ns;
	if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &ns) || __builtin_add_overflow(ns, stamp->nanosecond, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

int parse_rfc3339(const char *text, int64_t *ret_ns)
{
	struct stamp stamp;
	if (!stamp_parse(text, &stamp) || !stamp.has_zone || !stamp.has_seconds)
		return -EINVAL;
	return stamp_to_ns(&stamp, ret_ns);
}
