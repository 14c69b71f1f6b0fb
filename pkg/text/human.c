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

char *format_human_size(char *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;
	/* 999.5 would be shown as 1e+03 of its unit: it is 1 of the next. */
	while (value >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1000;
		unit++;
	}
	snprintf(out, TEXT_STAMP_MAX, "%.3g%s", value, units[unit]);
	return out;
}
