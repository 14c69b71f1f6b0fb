/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pkg/text/text.h"

static char *counted(char *out, int64_t count, const char *unit)
{
	snprintf(out, TEXT_STAMP_MAX, "%" PRId64 " %s", count, unit);
	return out;
}

static char *said(char *out, const char *text)
{
	snprintf(out, TEXT_STAMP_MAX, "%s", text);
	return out;
}

char *format_human_duration(char *out, int64_t seconds)
{
	const int64_t day = 24;
	int64_t minutes = seconds / 60;
	int64_t hours = seconds / 3600 + (seconds % 3600 >= 1800);
	if (seconds < 1)
		return said(out, "Less than a second");
	if (seconds == 1)
		return said(out, "1 second");
	if (seconds < 60)
		return counted(out, seconds, "seconds");
	if (minutes == 1)
		return said(out, "About a minute");
	if (minutes < 60)
		return counted(out, minutes, "minutes");
	if (hours == 1)
		return said(out, "About an hour");
	if (hours < day * 2)
		return counted(out, hours, "hours");
	if (hours < day * 7 * 2)
		return counted(out, hours / day, "days");
	if (hours < day * 30 * 2)
		return counted(out, hours / day / 7, "weeks");
	if (hours < day * 365 * 2)
		return counted(out, hours / day / 30, "months");
	return counted(out, seconds / 3600 / day / 365, "years");
}

static char *format_size(char *out, uint64_t bytes, const char *const units[], int step, int digits)
{
	/* 999.5 would be shown as 1e+03 of its unit: it is 1 of the next. */
	double value = (double)bytes, end = step - 0.5;
	size_t unit = 0;
	while (value >= end && units[unit + 1]) {
		value /= step;
		unit++;
	}
	snprintf(out, TEXT_STAMP_MAX, "%.*g%s", digits, value, units[unit]);
	return out;
}

char *format_human_size(char *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", NULL};
	return format_size(out, bytes, units, 1000, 3);
}

char *format_binary_size(char *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL};
	return format_size(out, bytes, units, 1024, 4);
}
