/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/ip/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct ip address(const char *text)
{
	struct ip ip = {0};
	assert_true(ip_parse(text, &ip));
	return ip;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix result = {0};
	assert_true(ip_prefix_parse(text, &result));
	return result;
}

static void assert_text(struct ip ip, const char *text)
{
	char out[IP_TEXT_MAX];
	assert_string_equal(ip_format(&ip, out), text);
}

static void test_texts(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "10.0.0", "10.0.0.256", "fe80::1%lo", "x", "1.2.3.4 "};
	static const char *const bad_prefixes[] = {"10.0.0.0",    "10.0.0.0/",  "10.0.0.0/33", "10.0.0.0/-1",
						   "10.0.0.0/8x", "fd00::/129", "/8",          "fd00::/ 8"};
	struct ip ip;
	struct ip_prefix p;
	char out[IP_TEXT_MAX];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(ip_parse(bad[i], &ip));
	for (size_t i = 0; i < sizeof(bad_prefixes) / sizeof(bad_prefixes[0]); i++)
		assert_false(ip_prefix_parse(bad_prefixes[i], &p));
	assert_text(address("10.1.2.3"), "10.1.2.3");
	assert_text(address("fd00:0::1"), "fd00::1");
	assert_text((struct ip){0}, "");
	p = prefix("10.1.2.3/20");
	assert_string_equal(ip_prefix_format(&p, out), "10.1.0.0/20");
	p = prefix("fd00::ffff/64");
	assert_string_equal(ip_prefix_format(&p, out), "fd00::/64");
}

static void test_counting(void **state)
{
	(void)state;
	struct ip ip = address("10.0.0.254");
	assert_true(ip_add(&ip, 2));
	assert_text(ip, "10.0.1.0");
	ip = address("255.255.255.255");
	assert_false(ip_add(&ip, 1));
	assert_text(ip, "255.255.255.255");
	ip = address("fd00::ffff:ffff:ffff:ffff");
	assert_true(ip_add(&ip, 1));
	assert_text(ip, "fd00:0:0:1::");
	struct ip low = address("10.0.0.9"), high = address("10.0.0.10");
	assert_true(ip_compare(&low, &high) < 0 && ip_compare(&high, &low) > 0 && ip_equal(&low, &low));
}

static void test_prefixes(void **state)
{
	(void)state;
	struct ip_prefix p = prefix("10.89.4.0/22"), inner = prefix("10.89.7.128/25"), other = prefix("10.89.8.0/24"),
			 six = prefix("fd00::/64");
	assert_text(ip_prefix_last(&p), "10.89.7.255");
	assert_text(ip_prefix_mask(&p), "255.255.252.0");
	assert_true(ip_prefix_overlaps(&p, &inner) && ip_prefix_overlaps(&inner, &p));
	assert_false(ip_prefix_overlaps(&p, &other) || ip_prefix_overlaps(&p, &six));
	struct ip first = address("10.89.4.0"), last = address("10.89.7.255"), host = address("10.89.5.0"),
		  router = address("fd00::");
	assert_true(ip_prefix_is_host(&p, &host));
	assert_false(ip_prefix_is_host(&p, &first) || ip_prefix_is_host(&p, &last) ||
		     ip_prefix_is_host(&six, &router) || ip_prefix_is_host(&six, &host));
	struct ip_prefix two = prefix("10.0.0.4/31");
	struct ip even = address("10.0.0.4");
	assert_true(ip_prefix_is_host(&two, &even));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_counting),
	    cmocka_unit_test(test_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
