/* SPDX-License-Identifier: Apache-2.0 */
#include "rootless/idmap/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "rootless/idmap/decide.h"

static const struct id_map all = {.ranges = {{0, 0, UINT32_MAX}}, .count = 1};

static struct id_situation user_with_ranges(void)
{
	struct id_situation situation = {.uid = 1000, .gid = 1000, .initial = true, .own_uids = all, .own_gids = all};
	strcpy(situation.subordinate.user, "alice");
	id_map_append(&situation.subordinate.uids, 100000, 65536);
	id_map_append(&situation.subordinate.gids, 200000, 65536);
	return situation;
}

static void assert_range(const struct id_map *map, size_t index, uint32_t inside, uint32_t outside, uint32_t count)
{
	assert_true(index < map->count);
	assert_int_equal(map->ranges[index].inside, inside);
	assert_int_equal(map->ranges[index].outside, outside);
	assert_int_equal(map->ranges[index].count, count);
}

static void test_translation(void **state)
{
	(void)state;
	struct id_map map = {.count = 0};
	id_map_append(&map, 1000, 1);
	id_map_append(&map, 100000, 65536);
	assert_int_equal(id_map_outside(&map, 0), 1000);
	assert_int_equal(id_map_outside(&map, 1), 100000);
	assert_int_equal(id_map_outside(&map, 65536), 165535);
	assert_int_equal(id_map_outside(&map, 65537), -1);
	assert_int_equal(id_map_inside(&map, 1000), 0);
	assert_int_equal(id_map_inside(&map, 165535), 65536);
	assert_int_equal(id_map_inside(&map, 999), -1);
	assert_int_equal(id_map_inside(&map, 165536), -1);
}

static void test_append_leaves_out_what_is_there(void **state)
{
	(void)state;
	struct id_map map = {.count = 0};
	id_map_append(&map, 1000, 1);
	id_map_append(&map, 998, 6); /* around the first one */
	assert_int_equal(map.count, 3);
	assert_range(&map, 1, 1, 998, 2);
	assert_range(&map, 2, 3, 1001, 3);
	id_map_append(&map, 999, 3); /* nothing new */
	assert_int_equal(map.count, 3);
	id_map_append(&map, UINT32_MAX - 1, 100); /* (uid_t)-1 is no id */
	assert_range(&map, 3, 6, UINT32_MAX - 1, 1);
	id_map_append(&map, UINT64_MAX - 1, 100);
	assert_int_equal(map.count, 4);
	for (uint32_t i = 0; i < 100; i++)
		id_map_append(&map, 5000 + 2 * i, 1);
	assert_int_equal(map.count, ID_RANGES_MAX);
}

static void test_map_texts(void **state)
{
	(void)state;
	struct id_map map = {.count = 0};
	assert_int_equal(id_map_add_text(&map, "0:1:1000"), 0);
	assert_int_equal(id_map_add_text(&map, "1000:0:1"), 0);
	assert_range(&map, 1, 1000, 0, 1);
	static const char *const bad[] = {"",
					  "0:1",
					  "0:1:",
					  "0:1:0",
					  "a:1:1",
					  "2000:3000:1x",
					  "2000:3000:1:",
					  "999:5000:1",
					  "5000:1000:1",
					  "4294967295:5000:1",
					  "5000:4294967295:1",
					  "4294967000:5000:400",
					  "2000:3000:4294967296"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(id_map_add_text(&map, bad[i]), -EINVAL);
	assert_int_equal(map.count, 2);
	for (int i = 0; i < ID_RANGES_MAX - 2; i++) {
		char text[64];
		snprintf(text, sizeof(text), "%d:%d:1", 2000 + i, 3000 + i);
		assert_int_equal(id_map_add_text(&map, text), 0);
	}
	assert_int_equal(id_map_add_text(&map, "9000:9000:1"), -E2BIG);
}

static void test_below_another(void **state)
{
	(void)state;
	struct id_map shared = {.count = 0}, inner = {.count = 0}, map;
	id_map_append(&shared, 1000, 1);
	id_map_append(&shared, 100000, 65536);
	assert_int_equal(id_map_size(&shared), 65537);
	/* keep-id */
	id_map_add_text(&inner, "0:1:1000");
	id_map_add_text(&inner, "1000:0:1");
	id_map_add_text(&inner, "1001:1001:64536");
	assert_int_equal(id_map_compose(&inner, &shared, &map), 0);
	assert_int_equal(map.count, 3);
	assert_int_equal(id_map_outside(&map, 1000), 1000);
	assert_int_equal(id_map_outside(&map, 0), 100000);
	assert_int_equal(id_map_outside(&map, 1001), 101000);
	assert_int_equal(id_map_outside(&map, 65536), 165535);
	assert_false(id_map_is_identity(&inner));
	/* A range over two of the shared ones is parted for both who look from outside and for the kernel. */
	inner.count = 0;
	id_map_add_text(&inner, "0:0:1001");
	assert_true(id_map_is_identity(&inner));
	assert_int_equal(id_map_compose(&inner, &shared, &map), 0);
	assert_range(&map, 0, 0, 1000, 1);
	assert_range(&map, 1, 1, 100000, 1000);
	assert_int_equal(id_map_part(&inner, &shared, &map), 0);
	assert_range(&map, 0, 0, 0, 1);
	assert_range(&map, 1, 1, 1, 1000);
	/* What there is not. */
	inner.count = 0;
	id_map_add_text(&inner, "0:60000:6000");
	assert_int_equal(id_map_compose(&inner, &shared, &map), -EINVAL);
}

static void test_free_ids(void **state)
{
	(void)state;
	uint32_t first = 0;
	const struct id_range used[] = {{0, 2001, 1000}, {0, 1, 1000}, {0, 1501, 500}};
	assert_int_equal(id_map_find_free(used, 3, 65537, 500, &first), 0);
	assert_int_equal(first, 1001);
	assert_int_equal(id_map_find_free(used, 3, 65537, 501, &first), 0);
	assert_int_equal(first, 3001);
	assert_int_equal(id_map_find_free(used, 3, 3501, 500, &first), 0);
	assert_int_equal(id_map_find_free(used, 3, 3500, 501, &first), -ENOSPC);
	assert_int_equal(id_map_find_free(NULL, 0, 65537, 65536, &first), 0);
	assert_int_equal(first, 1);
	assert_int_equal(id_map_find_free(NULL, 0, 65537, 65537, &first), -ENOSPC);
}

static void test_user(void **state)
{
	(void)state;
	struct id_situation situation = user_with_ranges();
	struct id_mapping mapping;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_false(mapping.single);
	assert_false(mapping.direct);
	assert_string_equal(mapping.reason, "");
	assert_int_equal(mapping.uids.count, 2);
	assert_range(&mapping.uids, 0, 0, 1000, 1);
	assert_range(&mapping.uids, 1, 1, 100000, 65536);
	assert_range(&mapping.gids, 1, 1, 200000, 65536);
}

static void test_user_without_ranges(void **state)
{
	(void)state;
	struct id_situation situation = user_with_ranges();
	situation.subordinate.uids.count = situation.subordinate.gids.count = 0;
	situation.free_range = 165536;
	struct id_mapping mapping;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_true(mapping.single);
	assert_true(mapping.direct);
	assert_int_equal(mapping.uids.count, 1);
	assert_string_equal(
	    mapping.reason,
	    "no subordinate ids for user alice in /etc/subuid and /etc/subgid; ask your administrator to run: "
	    "usermod --add-subuids 165536-231071 --add-subgids 165536-231071 alice");
	situation = user_with_ranges();
	situation.subordinate.gids.count = 0;
	situation.free_range = 100000;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_true(mapping.single);
	assert_string_equal(mapping.reason,
			    "no subordinate ids for user alice in /etc/subgid; ask your administrator to run: "
			    "usermod --add-subgids 100000-165535 alice");
}

static void test_user_without_newuidmap(void **state)
{
	(void)state;
	struct id_situation situation = user_with_ranges();
	strcpy(situation.programs, "newuidmap is not installed");
	struct id_mapping mapping;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_true(mapping.single);
	assert_string_equal(mapping.reason, "newuidmap is not installed");
}

static void test_root_of_machine(void **state)
{
	(void)state;
	struct id_situation situation = user_with_ranges();
	struct id_mapping mapping;
	struct error err = ERROR_INIT;
	situation.uid = situation.gid = 0;
	situation.can_setid = situation.can_setfcap = true;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_true(mapping.direct);
	assert_int_equal(id_map_outside(&mapping.uids, 0), 100000);
	assert_int_equal(id_map_outside(&mapping.gids, 0), 200000);
	assert_int_equal(id_map_inside(&mapping.uids, 0), -1);

	situation.subordinate.uids.count = 0;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_int_equal(id_map_outside(&mapping.uids, 0), 1879048192);
	assert_int_equal(id_map_inside(&mapping.uids, 0), -1);
	assert_int_equal(id_map_inside(&mapping.gids, 0), -1);

	situation.can_setid = false;
	assert_int_equal(id_mapping_decide(&situation, &mapping, &err), -EPERM);
	assert_non_null(strstr(err.text, "CAP_SETUID"));
}

static void test_root_of_a_container(void **state)
{
	(void)state;
	struct id_situation situation = {.can_setid = true, .can_setfcap = true};
	struct id_mapping mapping;
	struct error err = ERROR_INIT;
	assert_int_equal(
	    id_map_parse("         0       1000          1\n         1     100000      65536\n", &situation.own_uids),
	    0);
	situation.own_gids = situation.own_uids;
	assert_false(id_situation_wants_subordinate(&situation));
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_true(mapping.direct);
	assert_false(mapping.single);
	for (uint32_t id = 0; id <= 65536; id++)
		assert_int_equal(id_map_outside(&mapping.uids, id), id);
	assert_int_equal(id_map_outside(&mapping.uids, 65537), -1);

	situation.can_setfcap = false;
	assert_int_equal(id_mapping_decide(&situation, &mapping, &err), -EPERM);
	assert_non_null(strstr(err.text, "SETFCAP"));
	situation.uid = situation.gid = 7; /* and not root there: the container's 0 stays out */
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_int_equal(id_map_outside(&mapping.uids, 0), 7);
	assert_int_equal(id_map_inside(&mapping.uids, 0), -1);
	assert_int_equal(id_map_inside(&mapping.uids, 65536), 65535);

	struct id_situation alone = {.can_setid = true, .can_setfcap = true};
	assert_int_equal(id_map_parse("0 1000 1\n", &alone.own_uids), 0);
	alone.own_gids = alone.own_uids;
	assert_int_equal(id_mapping_decide(&alone, &mapping, NULL), 0);
	assert_true(mapping.single);
	assert_int_equal(id_map_outside(&mapping.uids, 0), 0);
}

static void test_user_of_a_container(void **state)
{
	(void)state;
	struct id_situation situation = user_with_ranges();
	struct id_mapping mapping;
	situation.initial = false;
	assert_int_equal(id_map_parse("0 5000 65536\n", &situation.own_uids), 0);
	situation.own_gids = situation.own_uids;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_true(mapping.single);
	assert_non_null(strstr(mapping.reason, "the container that this runs in"));
	situation.own_uids.ranges[0].count = situation.own_gids.ranges[0].count = 250000;
	assert_int_equal(id_mapping_decide(&situation, &mapping, NULL), 0);
	assert_false(mapping.single);
	assert_range(&mapping.uids, 1, 1, 100000, 65536);
	assert_range(&mapping.gids, 1, 1, 200000, 50000);
}

static void test_key(void **state)
{
	(void)state;
	struct id_situation situation = user_with_ranges();
	struct id_mapping a, b;
	char key_a[17], key_b[17];
	assert_int_equal(id_mapping_decide(&situation, &a, NULL), 0);
	assert_int_equal(id_mapping_decide(&situation, &b, NULL), 0);
	id_mapping_key(&a, key_a);
	id_mapping_key(&b, key_b);
	assert_int_equal(strlen(key_a), 16);
	assert_string_equal(key_a, key_b);
	assert_true(id_mapping_equal(&a, &b));
	b.gids.ranges[1].count--;
	id_mapping_key(&b, key_b);
	assert_string_not_equal(key_a, key_b);
	assert_false(id_mapping_equal(&a, &b));
}

static void test_parse(void **state)
{
	(void)state;
	struct subid_answer answer;
	assert_int_equal(subid_parse("user DOMAIN\\alice b\nuid 1 2\nuid 10 5\ngid 3 4\n", &answer), 0);
	assert_string_equal(answer.user, "DOMAIN\\alice b");
	assert_int_equal(answer.uids.count, 2);
	assert_int_equal(answer.uids.ranges[1].outside, 10);
	assert_int_equal(subid_parse("user alice\n", &answer), 0);
	assert_int_equal(answer.gids.count, 0);
	assert_int_equal(subid_parse("", &answer), -EINVAL);
	assert_int_equal(subid_parse("user alice\nuid 1", &answer), -EINVAL);
	assert_int_equal(subid_parse("user alice\nuid 1 2 3\n", &answer), -EINVAL);
	assert_int_equal(subid_parse("uid 1 2\n", &answer), -EINVAL);
	struct id_map map;
	assert_int_equal(id_map_parse("0 x 1\n", &map), -EINVAL);
}

static void test_first_free(void **state)
{
	(void)state;
	const char *texts[] = {"alice:100000:65536\nbob:165536:65536\n", "carl:300000:10\nbroken\n:::\n"};
	assert_int_equal(subid_first_free(texts, 2), 300010);
	assert_int_equal(subid_first_free(texts, 0), 100000);
}

/* A kept answer is used while its sources are what they were, and only then. */
static void test_cache(void **state)
{
	(void)state;
	char directory[] = "/tmp/idmap-test-XXXXXX";
	assert_non_null(mkdtemp(directory));
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	struct subid_answer answer;
	struct error err = ERROR_INIT;
	assert_int_equal(subid_ask(fd, false, geteuid(), &answer, &err), 0);
	auto_free char *kept = NULL;
	assert_int_equal(file_read_at(fd, "subid", 65536, &kept, NULL, NULL), 0);
	size_t head = strcspn(kept, "\n") + 1;

	auto_free char *other = NULL;
	assert_true(asprintf(&other, "%.*suser kept\nuid 77 88\ngid 99 11\n", (int)head, kept) > 0);
	assert_int_equal(file_write_at(fd, "subid", other, strlen(other), 0600, 0, NULL), 0);
	assert_int_equal(subid_ask(fd, false, geteuid(), &answer, &err), 0);
	assert_string_equal(answer.user, "kept");
	assert_int_equal(answer.uids.ranges[0].outside, 77);
	assert_int_equal(subid_ask(fd, true, geteuid(), &answer, &err), 0);
	assert_string_not_equal(answer.user, "kept");

	other[2]++; /* another user's */
	assert_int_equal(file_write_at(fd, "subid", other, strlen(other), 0600, 0, NULL), 0);
	assert_int_equal(subid_ask(fd, false, geteuid(), &answer, &err), 0);
	assert_string_not_equal(answer.user, "kept");

	/* "None" is not believed for long. */
	auto_free char *none = NULL;
	assert_true(asprintf(&none, "%.*suser kept\n", (int)head, kept) > 0);
	assert_int_equal(file_write_at(fd, "subid", none, strlen(none), 0600, 0, NULL), 0);
	assert_int_equal(subid_ask(fd, false, geteuid(), &answer, &err), 0);
	assert_string_equal(answer.user, "kept");
	assert_int_equal(utimensat(fd, "subid", (struct timespec[2]){{1000, 0}, {1000, 0}}, 0), 0);
	assert_int_equal(subid_ask(fd, false, geteuid(), &answer, &err), 0);
	assert_string_not_equal(answer.user, "kept");

	unlinkat(fd, "subid", 0);
	close(fd);
	rmdir(directory);
}

static void test_this_machine(void **state)
{
	(void)state;
	struct id_mapping mapping;
	struct error err = ERROR_INIT;
	assert_int_equal(id_mapping_default(-1, false, &mapping, &err), 0);
	assert_true(mapping.uids.count >= 1 && mapping.gids.count >= 1);
	assert_int_equal(mapping.uids.ranges[0].inside, 0);
	assert_int_equal(mapping.single, *mapping.reason != '\0');
	if (geteuid())
		assert_int_equal(id_map_outside(&mapping.uids, 0), geteuid());
}

/* coracle-subid is looked for beside the running program. */
static int bring_program(void **state)
{
	(void)state;
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 32);
	if (length < 0)
		return -1;
	path[length] = '\0';
	char *slash = strrchr(path, '/');
	snprintf(slash, 16, "/coracle-subid");
	return symlink("../../coracle-subid", path) < 0 && errno != EEXIST ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_translation),
	    cmocka_unit_test(test_append_leaves_out_what_is_there),
	    cmocka_unit_test(test_map_texts),
	    cmocka_unit_test(test_below_another),
	    cmocka_unit_test(test_free_ids),
	    cmocka_unit_test(test_user),
	    cmocka_unit_test(test_user_without_ranges),
	    cmocka_unit_test(test_user_without_newuidmap),
	    cmocka_unit_test(test_root_of_machine),
	    cmocka_unit_test(test_root_of_a_container),
	    cmocka_unit_test(test_user_of_a_container),
	    cmocka_unit_test(test_key),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_first_free),
	    cmocka_unit_test(test_cache),
	    cmocka_unit_test(test_this_machine),
	};
	return cmocka_run_group_tests(tests, bring_program, NULL);
}
