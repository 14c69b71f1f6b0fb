/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/filter/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/file/file.h"

/*
 * A store with four containers, made one after the other:
 *
 *	web     running   app=shop, tier=front   network none    -v /srv:/data
 *	db      exited 3  app=shop               network host
 *	job     created   app=other              network none
 *	webber  exited 0  no labels              network none
 */
struct fixture {
	char path[64];
	struct store *store;
	char ids[4][65];
	int lock;
};

static const char *const names[] = {"web", "db", "job", "webber"};

static void place(struct fixture *fixture, size_t index, struct container *container)
{
	struct error err = ERROR_INIT;
	auto_stage struct stage stage = STAGE_INIT;
	container_random_id(container->id);
	strcpy(fixture->ids[index], container->id);
	container->name = xstrdup(names[index]);
	container->image_id = xstrdup("aa");
	container->image_name = xstrdup("localhost/x:latest");
	container->created_ns = (int64_t)(index + 1) * 1000000000;
	assert_int_equal(store_stage(fixture->store, &stage, &err), 0);
	assert_int_equal(container_place(fixture->store, &stage, container, &err), 0);
}

static void set_state(struct fixture *fixture, size_t index, enum container_status status, int exit_code)
{
	auto_close int dir = container_open(fixture->store, fixture->ids[index], NULL);
	struct container_state state = {.status = status, .exit_code = exit_code, .started_ns = 1, .finished_ns = 2};
	assert_int_equal(container_state_write(dir, &state, NULL), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error err = ERROR_INIT;
	strcpy(fixture->path, "/tmp/filter_test.XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	auto_free char *run = xasprintf("%s/run", fixture->path);
	auto_free char *root = xasprintf("%s/root", fixture->path);
	assert_int_equal(store_open(root, run, NULL, &fixture->store, &err), 0);
	for (size_t i = 0; i < 4; i++) {
		auto_container struct container *container = container_new();
		container->network = xstrdup(i == 1 ? "host" : "none");
		if (i < 3)
			strv_add(&container->labels, i < 2 ? "app=shop" : "app=other");
		if (i == 0) {
			strv_add(&container->labels, "tier=front");
			strv_add(&container->binds, "/srv:/data:ro");
		}
		place(fixture, i, container);
	}
	set_state(fixture, 0, CONTAINER_RUNNING, 0);
	set_state(fixture, 1, CONTAINER_EXITED, 3);
	set_state(fixture, 3, CONTAINER_EXITED, 0);
	/* What a monitor holds. */
	fixture->lock = container_lock_open(fixture->store, fixture->ids[0], &err);
	assert_int_equal(lock_try(fixture->lock, LOCK_MODE_EXCLUSIVE), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	close(fixture->lock);
	store_free(fixture->store);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	free(fixture);
	return 0;
}

/* The names that a selection gives, in order, parted by blanks. */
static char *select_text(struct fixture *fixture, const struct container_selection *selection)
{
	auto_container_list struct container_list list = {0};
	struct error err = ERROR_INIT;
	auto_strv struct strv found = STRV_INIT;
	assert_int_equal(container_select(fixture->store, selection, &list, &err), 0);
	for (size_t i = 0; i < list.count; i++)
		strv_add(&found, list.items[i].container->name);
	return strv_join(&found, " ");
}

static void selections(void **state)
{
	struct fixture *fixture = *state;
	auto_free char *running = select_text(fixture, &(struct container_selection){.all = false});
	assert_string_equal(running, "web");
	auto_free char *all = select_text(fixture, &(struct container_selection){.all = true});
	assert_string_equal(all, "webber job db web");
	auto_free char *latest = select_text(fixture, &(struct container_selection){.latest = true});
	assert_string_equal(latest, "webber");
	auto_free char *last = select_text(fixture, &(struct container_selection){.last = 3});
	assert_string_equal(last, "webber job db");
	auto_strv struct strv wanted = STRV_INIT;
	strv_add(&wanted, "db");
	strv_add(&wanted, fixture->ids[0]);
	auto_free char *named = select_text(fixture, &(struct container_selection){.names = &wanted});
	assert_string_equal(named, "db web");
}

static void filters(void **state)
{
	struct fixture *fixture = *state;
	auto_free char *id_part = xasprintf("id=%.12s", fixture->ids[2]);
	const struct {
		const char *filters[3], *found;
	} cases[] = {
	    {{"name=web"}, "webber web"},
	    {{"name=^web$"}, "web"},
	    {{"name=^(db|job)$"}, "job db"},
	    {{"label=app"}, "job db web"},
	    {{"label=app=shop"}, "db web"},
	    {{"label=app=shop", "label=app=other"}, ""},
	    {{"label=app=shop", "label=tier=front"}, "web"},
	    {{"label=app=shop", "status=running"}, "web"},
	    {{"status=exited", "status=created"}, "webber job db"},
	    {{"exited=3"}, "db"},
	    {{"exited=0"}, "webber"},
	    {{"before=job"}, "db web"},
	    {{"since=db"}, "webber job"},
	    {{"since=web", "before=webber"}, "job db"},
	    {{"until=1970-01-01T00:00:02Z"}, "db web"},
	    {{"network=host"}, "db"},
	    {{"volume=/srv"}, "web"},
	    {{"volume=/data"}, "web"},
	    {{"volume=/sr"}, ""},
	    {{"ancestor=localhost/missing"}, ""},
	    {{"health=none"}, "webber job db web"},
	    {{id_part}, "job"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_strv struct strv given = STRV_INIT;
		for (size_t j = 0; j < 3 && cases[i].filters[j]; j++)
			strv_add(&given, cases[i].filters[j]);
		auto_free char *found = select_text(fixture, &(struct container_selection){.all = true, .filters = &given});
		assert_string_equal(found, cases[i].found);
	}
	/* A filter on the state looks at those that are not running too. */
	auto_strv struct strv exited = STRV_INIT;
	strv_add(&exited, "status=exited");
	auto_free char *found = select_text(fixture, &(struct container_selection){.filters = &exited});
	assert_string_equal(found, "webber db");
}

static void refusals(void **state)
{
	struct fixture *fixture = *state;
	static const char *const bad[] = {"name", "=x", "colour=red", "exited=x", "before=missing", "until=x", "name=(", ""};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_strv struct strv given = STRV_INIT;
		auto_container_list struct container_list list = {0};
		struct error err = ERROR_INIT;
		strv_add(&given, bad[i]);
		assert_true(container_select(fixture->store, &(struct container_selection){.filters = &given}, &list, &err) < 0);
		assert_true(*err.text);
	}
	auto_strv struct strv missing = STRV_INIT;
	auto_container_list struct container_list list = {0};
	strv_add(&missing, "missing");
	assert_int_equal(container_select(fixture->store, &(struct container_selection){.names = &missing}, &list, NULL), -ENOENT);
}

/* One record that cannot be read does not hide the others. */
static void damaged(void **state)
{
	struct fixture *fixture = *state;
	auto_close int dir = container_open(fixture->store, fixture->ids[2], NULL);
	assert_int_equal(file_write_at(dir, "container.json", "{", 1, 0600, 0, NULL), 0);
	auto_free char *all = select_text(fixture, &(struct container_selection){.all = true});
	assert_string_equal(all, "webber db web");
}

/* A container of --rm that has ended is gone for whoever looks. */
static void ended_with_rm(void **state)
{
	struct fixture *fixture = *state;
	auto_container struct container *container = NULL;
	assert_int_equal(container_read(fixture->store, fixture->ids[1], &container, NULL), 0);
	container->remove = true;
	auto_close int dir = container_open(fixture->store, fixture->ids[1], NULL);
	assert_int_equal(container_write(dir, container, NULL), 0);
	auto_free char *all = select_text(fixture, &(struct container_selection){.all = true});
	assert_string_equal(all, "webber job web");
	assert_int_equal(container_open(fixture->store, fixture->ids[1], NULL), -ENOENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(selections), TEST(filters), TEST(refusals), TEST(damaged), TEST(ended_with_rm)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
