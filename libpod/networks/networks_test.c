/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/networks/networks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "libpod/networks/internal.h"
#include "pkg/json/json.h"

static void free_request(struct network_request *request)
{
	struct strv *lists[] = {&request->subnets, &request->gateways, &request->ranges, &request->servers,
				&request->routes,  &request->labels,   &request->options};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_free(lists[i]);
}
#define auto_request CLEANUP(free_request)

static struct network_record *planned(const struct network_request *request, const struct network_list *all)
{
	struct network_record *record = NULL;
	struct error err = ERROR_INIT;
	if (network_plan(request, all, &record, &err) < 0)
		fail_msg("%s", err.text);
	return record;
}

static void assert_refused(const struct network_request *request, const struct network_list *all, const char *words)
{
	struct network_record *record = NULL;
	struct error err = ERROR_INIT;
	assert_true(network_plan(request, all, &record, &err) < 0);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void assert_subnet(const struct network_record *record, size_t i, const char *subnet, const char *gateway)
{
	char text[IP_TEXT_MAX];
	assert_true(i < record->subnets_count);
	assert_string_equal(ip_prefix_format(&record->subnets[i].prefix, text), subnet);
	assert_string_equal(ip_format(&record->subnets[i].gateway, text), gateway);
}

static void test_choice(void **state)
{
	(void)state;
	auto_request struct network_request request = {.ipv6 = true};
	auto_network_record struct network_record *first = planned(&request, &(struct network_list){0});
	assert_string_equal(first->name, "coracle1");
	assert_string_equal(first->interface, "coracle1");
	assert_int_equal(first->subnets_count, 2);
	assert_int_equal(first->subnets[0].prefix.bits, 24);
	assert_int_equal(first->subnets[1].prefix.bits, 64);
	assert_int_equal(first->subnets[1].prefix.address.bytes[0], 0xfd);
	assert_true(first->dns && first->ipv6 && !first->internal);
	/* The next one avoids the first. */
	auto_network_record struct network_record *second = planned(&request, &(struct network_list){&first, 1});
	assert_string_equal(second->name, "coracle2");
	assert_string_equal(second->interface, "coracle2");
	assert_false(ip_prefix_overlaps(&first->subnets[0].prefix, &second->subnets[0].prefix));
	assert_false(ip_prefix_overlaps(&first->subnets[1].prefix, &second->subnets[1].prefix));
}

static void test_request(void **state)
{
	(void)state;
	auto_request struct network_request request = {.name = "boat"};
	strv_add(&request.subnets, "10.99.3.7/24");
	strv_add(&request.subnets, "fd00:9::/64");
	strv_add(&request.gateways, "10.99.3.254");
	strv_add(&request.ranges, "10.99.3.128/25");
	strv_add(&request.routes, "192.168.9.0/24,10.99.3.2,7");
	strv_add(&request.options, "mtu=1400");
	strv_add(&request.options, "isolate=false");
	struct network_list none = {0};
	auto_network_record struct network_record *record = planned(&request, &none);
	assert_subnet(record, 0, "10.99.3.0/24", "10.99.3.254");
	assert_subnet(record, 1, "fd00:9::/64", "fd00:9::1");
	char text[IP_TEXT_MAX];
	assert_string_equal(ip_format(&record->subnets[0].first, text), "10.99.3.128");
	assert_string_equal(ip_format(&record->subnets[0].last, text), "10.99.3.255");
	assert_int_equal(record->routes[0].metric, 7);
	struct network_features features;
	assert_int_equal(network_features(record, &features, NULL), 0);
	assert_int_equal(features.mtu, 1400);
	assert_false(features.isolate);

	/* What is written is read. */
	auto_json struct json_object *json = network_record_json(record);
	auto_free char *written = json_text(json, true);
	auto_network_record struct network_record *read = NULL;
	assert_int_equal(network_record_parse(written, strlen(written), &read, NULL), 0);
	auto_json struct json_object *again = network_record_json(read);
	auto_free char *rewritten = json_text(again, true);
	assert_string_equal(written, rewritten);

	request.name = "other";
	assert_refused(&request, &(struct network_list){&record, 1}, "already used by network boat");
	request.name = "boat";
	assert_refused(&request, &(struct network_list){&record, 1}, "already used");
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *name, *subnet, *gateway, *range, *option, *route, *words;
	} wrong[] = {
	    {"-x", NULL, NULL, NULL, NULL, NULL, "invalid"},
	    {"none", NULL, NULL, NULL, NULL, NULL, "network mode"},
	    {"../x", NULL, NULL, NULL, NULL, NULL, "invalid"},
	    {"a", "10.0.0.0", NULL, NULL, NULL, NULL, "--subnet"},
	    {"a", "10.9.0.1/32", NULL, NULL, NULL, NULL, "no room"},
	    {"a", "10.9.0.0/24", "10.8.0.1", NULL, NULL, NULL, "gateway"},
	    {"a", "10.9.0.0/24", "10.9.0.0", NULL, NULL, NULL, "gateway"},
	    {"a", "10.9.0.0/24", NULL, "10.9.1.0/25", NULL, NULL, "--ip-range"},
	    {"a", NULL, NULL, NULL, "mtu=x", NULL, "mtu"},
	    {"a", NULL, NULL, NULL, "nope=1", NULL, "unsupported bridge network option nope"},
	    {"a", NULL, NULL, NULL, NULL, "10.0.0.0/8", "--route"},
	    {"a", NULL, NULL, NULL, NULL, "10.0.0.0/8,fd00::1", "families"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		auto_request struct network_request request = {.name = wrong[i].name};
		const char *const texts[] = {wrong[i].subnet, wrong[i].gateway, wrong[i].range, wrong[i].option,
					     wrong[i].route};
		struct strv *const lists[] = {&request.subnets, &request.gateways, &request.ranges, &request.options,
					      &request.routes};
		for (size_t j = 0; j < ARRAY_SIZE(texts); j++)
			if (texts[j])
				strv_add(lists[j], texts[j]);
		assert_refused(&request, &(struct network_list){0}, wrong[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_request),
	    cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
