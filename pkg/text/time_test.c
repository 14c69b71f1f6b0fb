/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/text/text.h"

#define SECOND INT64_C(1000000000)

/* 2024-05-01T10:00:00Z */
#define MAY_DAY (INT64_C(1714557600) * SECOND)

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void test_duration(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
	    {"0", 0},
	    {"1h30m", 5400 * SECOND},
	    {"500ms", SECOND / 2},
	    {"1.5s", 3 * SECOND / 2},
	    {"-1m1s", -61 * SECOND},
	    {"+10ns", 10},
	    {"3us", 3000},
	    {"3µs", 3000},
	    {"3μs", 3000},
	    {"0.000000001s", 1},
	    {"2562047h", INT64_C(2562047) * 3600 * SECOND},
	};
	struct error err = ERROR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t ns = -1;
		if (parse_duration(good[i].text, "x", &ns, &err) < 0 || ns != good[i].ns)
			fail_msg("%s: %" PRId64 ", %s", good[i].text, ns, err.text);
	}
	static const char *const bad[] = {"", "1", "h", "1d", "1h ", "1h30", "-", "+", ".s", "1 h", "00", "1hh"};
	int64_t ns = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_duration(bad[i], "x", &ns, &err) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(parse_duration("2562048h", "--time", &ns, &err), -ERANGE);
	assert_string_equal(err.text, "--time: the duration '2562048h' is too long");
	assert_int_equal(parse_duration("2562047h2562047h", "x", &ns, &err), -ERANGE);
	assert_int_equal(ns, 77);
}

static void test_rfc3339(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"2024-05-01T10:00:00.123456789Z", MAY_DAY + 123456789},
	    {"2024-05-01T12:00:00.5+02:00", MAY_DAY + SECOND / 2},
	    {"2024-04-30t23:59:00-10:01", MAY_DAY},
	    {"1969-12-31T23:59:59.999999999Z", -1},
	    {"2024-02-29T00:00:00Z", INT64_C(1709164800) * SECOND},
	    {"2000-02-29T00:00:00Z", INT64_C(951782400) * SECOND},
	    {"2016-12-31T23:59:60Z", INT64_C(1483228800) * SECOND},
	    {"2024-05-01T10:00:00.1234567899999Z", MAY_DAY + 123456789},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t ns = 77;
		int r = parse_rfc3339(good[i].text, &ns);
		if (r < 0 || ns != good[i].ns)
			fail_msg("%s: %d, %" PRId64, good[i].text, r, ns);
	}
	static const char *const bad[] = {
	    "",
	    "2024-05-01",
	    "2024-05-01T10:00Z",
	    "2024-05-01T10:00:00",
	    "2024-05-01T10:00:00.Z",
	    "2024-05-01T10:00:00Zx",
	    "2024-05-01T10:00:00+0200",
	    "2024-13-01T10:00:00Z",
	    "2024-00-01T10:00:00Z",
	    "2024-04-31T10:00:00Z",
	    "2023-02-29T10:00:00Z",
	    "1900-02-29T10:00:00Z",
	    "2024-05-01T24:00:00Z",
	    "2024-05-01T10:60:00Z",
	    "24-05-01T10:00:00Z",
	    " 2024-05-01T10:00:00Z",
	};
	int64_t ns = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_rfc3339(bad[i], &ns) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(parse_rfc3339("0001-01-01T00:00:00Z", &ns), -ERANGE);
	assert_int_equal(parse_rfc3339("9999-12-31T23:59:59Z", &ns), -ERANGE);
	assert_int_equal(ns, 77);
}

static void test_format(void **state)
{
	(void)state;
	char out[TEXT_STAMP_MAX];
	assert_string_equal(format_rfc3339_nano(out, MAY_DAY + 42), "2024-05-01T10:00:00.000000042Z");
	assert_string_equal(format_rfc3339_nano(out, -1), "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(format_rfc3339_nano(out, INT64_MAX), "2262-04-11T23:47:16.854775807Z");
	assert_string_equal(format_rfc3339_nano(out, INT64_MIN), "1677-09-21T00:12:43.145224192Z");
	/* POSIX counts zones westwards. */
	set_zone("XXX-02:30");
	assert_string_equal(format_rfc3339_local(out, MAY_DAY), "2024-05-01T12:30:00.000000000+02:30");
	assert_string_equal(format_listed_time(out, MAY_DAY), "2024-05-01 12:30:00 +0230 XXX");
	set_zone("XXX11");
	assert_string_equal(format_rfc3339_local(out, MAY_DAY), "2024-04-30T23:00:00.000000000-11:00");
	set_zone("UTC0");
	assert_string_equal(format_rfc3339_local(out, MAY_DAY), "2024-05-01T10:00:00.000000000Z");
	assert_string_equal(format_listed_time(out, MAY_DAY), "2024-05-01 10:00:00 +0000 UTC");
	assert_string_equal(format_rfc3339_local(out, INT64_MAX), "2262-04-11T23:47:16.854775807Z");
}

/* The calendar against the C library's, at every day in question and its last nanosecond. */
static void test_round_trip(void **state)
{
	(void)state;
	char out[TEXT_STAMP_MAX], expected[TEXT_STAMP_MAX];
	for (int64_t day = -106000; day < 106000; day++) {
		time_t seconds = day * 86400 + 86399;
		struct tm tm;
		gmtime_r(&seconds, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.999999999Z", &tm);
		int64_t ns = seconds * SECOND + 999999999, parsed;
		if (strcmp(format_rfc3339_nano(out, ns), expected) != 0 || parse_rfc3339(out, &parsed) < 0 ||
		    parsed != ns)
			fail_msg("%s is %s", out, expected);
	}
}

static void test_time(void **state)
{
	(void)state;
	set_zone("XXX-02:00");
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
	    {"2024-05-01T10:00:00Z", MAY_DAY},
	    {"2024-05-01T12:00:00", MAY_DAY},
	    {"2024-05-01 12:00:00.25", MAY_DAY + SECOND / 4},
	    {"2024-05-01T12:00", MAY_DAY},
	    {"2024-05-01T12", MAY_DAY},
	    {"2024-05-01", MAY_DAY - INT64_C(12) * 3600 * SECOND},
	    {"2024-05-01Z", MAY_DAY - INT64_C(10) * 3600 * SECOND},
	    {"1714557600", MAY_DAY},
	    {"1714557600.000000042", MAY_DAY + 42},
	    {"0", 0},
	};
	struct error err = ERROR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t ns = 77;
		if (parse_time(good[i].text, "x", &ns, &err) < 0 || ns != good[i].ns)
			fail_msg("%s: %" PRId64 ", %s", good[i].text, ns, err.text);
	}
	int64_t ns;
	assert_int_equal(parse_time("10m", "x", &ns, &err), 0);
	int64_t off = time_now_ns() - 600 * SECOND - ns;
	assert_in_range(off, 0, 60 * SECOND);
	ns = 77;
	static const char *const bad[] = {"", "yesterday", "2024-05", "2024-05-01T", "1.5.2", "2024-05-01T12:00:00+2"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_time(bad[i], "x", &ns, &err) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	assert_int_equal(parse_time("99999999999", "--since", &ns, &err), -ERANGE);
	assert_string_equal(err.text, "--since: the time '99999999999' is too far away");
	assert_int_equal(ns, 77);
	set_zone("UTC0");
}

static void test_human_duration(void **state)
{
	(void)state;
	enum { HOUR = 3600, DAY = 24 * HOUR };
	static const struct {
		int64_t seconds;
		const char *text;
	} durations[] = {
	    {-5, "Less than a second"},
	    {0, "Less than a second"},
	    {1, "1 second"},
	    {59, "59 seconds"},
	    {60, "About a minute"},
	    {119, "About a minute"},
	    {120, "2 minutes"},
	    {3599, "59 minutes"},
	    {3600, "About an hour"},
	    {5399, "About an hour"},
	    {5400, "2 hours"},
	    {INT64_C(47) * HOUR, "47 hours"},
	    {INT64_C(48) * HOUR, "2 days"},
	    {INT64_C(13) * DAY, "13 days"},
	    {INT64_C(14) * DAY, "2 weeks"},
	    {INT64_C(59) * DAY, "8 weeks"},
	    {INT64_C(60) * DAY, "2 months"},
	    {INT64_C(729) * DAY, "24 months"},
	    {INT64_C(730) * DAY, "2 years"},
	};
	char out[TEXT_STAMP_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
		assert_string_equal(format_human_duration(out, durations[i].seconds), durations[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_duration),   cmocka_unit_test(test_rfc3339), cmocka_unit_test(test_format),
	    cmocka_unit_test(test_round_trip), cmocka_unit_test(test_time),    cmocka_unit_test(test_human_duration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
