/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are given. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libpod/network/keeper/state.h"

static struct live_network network_of(const char *first, const char *second)
{
	struct live_network network = {.is = {.name = "web", .subnets_count = second ? 2 : 1}};
	const char *const texts[] = {first, second};
	for (uint32_t i = 0; i < network.is.subnets_count; i++) {
		struct network_subnet *subnet = &network.is.subnets[i];
		assert_true(ip_prefix_parse(texts[i], &subnet->prefix));
		subnet->gateway = subnet->prefix.address;
		ip_add(&subnet->gateway, 1);
	}
	return network;
}

static int choose(struct keeper *keeper, struct live_network *network, struct member *member, const char *ip,
		  const char *expected)
{
	struct keeper_wish wish = {.ip = {0}};
	struct attachment *attachment = calloc(1, sizeof(*attachment));
	char text[IP_TEXT_MAX];
	if (ip)
		assert_true(ip_parse(ip, strchr(ip, ':') ? &wish.ip6 : &wish.ip));
	int r = address_choose(keeper, network, member, &wish, &attachment->given, NULL);
	if (r < 0) {
		free(attachment);
		return r;
	}
	attachment->network = network;
	attachment->next = member->attachments;
	member->attachments = attachment;
	assert_string_equal(ip_format(&attachment->given.addresses[0].address, text), expected);
	return 0;
}

static struct member *add_member(struct keeper *keeper, struct member *member, const char *id)
{
	*member = (struct member){.process = 0, .monitor = -1, .next = keeper->members};
	strcpy(member->id, id);
	keeper->members = member;
	return member;
}

static void leave(struct member *member)
{
	while (member->attachments) {
		struct attachment *attachment = member->attachments;
		member->attachments = attachment->next;
		free(attachment);
	}
}

static void test_in_turn(void **state)
{
	(void)state;
	struct keeper keeper = {.members = NULL};
	struct live_network network = network_of("10.1.1.0/29", NULL);
	struct member members[7];
	char id[2] = "a";
	static const char *const expected[] = {"10.1.1.2", "10.1.1.3", "10.1.1.4", "10.1.1.5", "10.1.1.6"};
	for (size_t i = 0; i < 5; i++, id[0]++)
		assert_int_equal(choose(&keeper, &network, add_member(&keeper, &members[i], id), NULL, expected[i]), 0);
	assert_int_equal(choose(&keeper, &network, add_member(&keeper, &members[5], "y"), NULL, ""), -ENOSPC);
	/* One that is free again is given, and one at rest keeps what it has, unless somebody asks for just that. */
	leave(&members[2]);
	assert_int_equal(choose(&keeper, &network, &members[5], NULL, "10.1.1.4"), 0);
	members[0].process = -1;
	add_member(&keeper, &members[6], "z");
	assert_int_equal(choose(&keeper, &network, &members[6], NULL, ""), -ENOSPC);
	assert_int_equal(choose(&keeper, &network, &members[6], "10.1.1.3", ""), -EADDRINUSE);
	assert_int_equal(choose(&keeper, &network, &members[6], "10.1.1.2", "10.1.1.2"), 0);
	for (size_t i = 0; i < 7; i++)
		leave(&members[i]);
}

static void test_wishes(void **state)
{
	(void)state;
	struct keeper keeper = {.members = NULL};
	struct live_network network = network_of("10.1.1.0/24", "fd00:7::/64");
	struct member member;
	add_member(&keeper, &member, "a");
	static const struct {
		const char *ip;
		int result;
	} wrong[] = {{"10.1.1.1", -EINVAL}, {"10.1.1.0", -EINVAL},  {"10.1.1.255", -EINVAL},
		     {"10.1.2.7", -EINVAL}, {"fd00:7::1", -EINVAL}, {"fd00:8::5", -EINVAL}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(choose(&keeper, &network, &member, wrong[i].ip, ""), wrong[i].result);
	assert_int_equal(choose(&keeper, &network, &member, "10.1.1.77", "10.1.1.77"), 0);
	/* The hardware address follows from it; the other family has one too. */
	static const uint8_t mac[] = {0x02, 0x42, 10, 1, 1, 77};
	assert_memory_equal(member.attachments->given.mac, mac, sizeof(mac));
	char text[IP_TEXT_MAX];
	assert_string_equal(ip_format(&member.attachments->given.addresses[1].address, text), "fd00:7::2");
	leave(&member);
}

static void test_range(void **state)
{
	(void)state;
	struct keeper keeper = {.members = NULL};
	struct live_network network = network_of("10.1.1.0/24", NULL);
	struct member members[3];
	assert_true(ip_parse("10.1.1.200", &network.is.subnets[0].first) &&
		    ip_parse("10.1.1.201", &network.is.subnets[0].last));
	assert_int_equal(choose(&keeper, &network, add_member(&keeper, &members[0], "a"), NULL, "10.1.1.200"), 0);
	assert_int_equal(choose(&keeper, &network, add_member(&keeper, &members[1], "b"), NULL, "10.1.1.201"), 0);
	assert_int_equal(choose(&keeper, &network, add_member(&keeper, &members[2], "c"), NULL, ""), -ENOSPC);
	/* Who asks for one may have it from outside of the range. */
	assert_int_equal(choose(&keeper, &network, &members[2], "10.1.1.9", "10.1.1.9"), 0);
	for (size_t i = 0; i < 3; i++)
		leave(&members[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_turn),
	    cmocka_unit_test(test_wishes),
	    cmocka_unit_test(test_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
