/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "libpod/container/dependencies.h"
#include "libpod/container/networks.h"
#include "libpod/container/name.h"
#include "pkg/file/file.h"

/* A store in a temporary directory, without the parts that are not looked at here. */
struct fixture {
	char path[64];
	struct store store;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/container_test.XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	fixture->store.root = fixture->path;
	fixture->store.run = fixture->path;
	fixture->store.lock_fd = -1;
	fixture->store.root_fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const directories[] = {"containers", "names", "tmp", "trash", "run"};
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(mkdirat(fixture->store.root_fd, directories[i], 0700), 0);
	fixture->store.run_fd = openat(fixture->store.root_fd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	close(fixture->store.root_fd);
	close(fixture->store.run_fd);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	free(fixture);
	return 0;
}

static struct container *place(struct store *store, const char *name)
{
	struct container *container = container_new();
	struct error err = ERROR_INIT;
	auto_stage struct stage stage = STAGE_INIT;
	container_random_id(container->id);
	container->name = name ? xstrdup(name) : NULL;
	assert_int_equal(store_stage(store, &stage, &err), 0);
	int r = container_place(store, &stage, container, &err);
	if (r == 0)
		return container;
	assert_int_equal(r, -EEXIST);
	assert_non_null(strstr(err.text, "already in use"));
	container_free(container);
	return NULL;
}

static void test_record(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = container_new(), *read = NULL;
	auto_stage struct stage stage = STAGE_INIT;
	container_random_id(container->id);
	container->name = xstrdup("boat");
	container->image_name = xstrdup("localhost/\"quoted\"\n:latest");
	strv_add(&container->labels, "key=a=b");
	strv_add(&container->command, "");
	strv_add(&container->command, "two words");
	container->remove = true;
	container->stop_signal = 3;
	container->log_max_size = 10LL << 32;
	container->healthcheck = json_object_new_object();
	json_add_string(container->healthcheck, "Test", "true");
	container->ports = xcalloc(1, sizeof(*container->ports));
	container->ports_count = 1;
	container->ports[0] = (struct container_port){"tcp", "::1", 8080, 80, 3};
	assert_int_equal(store_stage(store, &stage, NULL), 0);
	assert_int_equal(container_place(store, &stage, container, NULL), 0);

	assert_int_equal(container_read(store, container->id, &read, NULL), 0);
	assert_string_equal(read->id, container->id);
	assert_string_equal(read->image_name, container->image_name);
	assert_string_equal(read->labels.items[0], "key=a=b");
	assert_int_equal(read->command.count, 2);
	assert_string_equal(read->command.items[1], "two words");
	assert_true(read->remove);
	assert_false(read->terminal);
	assert_null(read->hostname);
	assert_int_equal(read->stop_signal, 3);
	assert_int_equal(read->stop_timeout_s, 10);
	assert_true(read->log_max_size == 10LL << 32);
	assert_int_equal(read->ports_count, 1);
	assert_memory_equal(&read->ports[0], &container->ports[0], sizeof(struct container_port));
	assert_int_equal(json_object_object_length(read->healthcheck), 1);
}

static char *networks_text(const struct container *container)
{
	struct json_object *json = container_networks_json(container);
	char *text = json_text(json, false);
	json_object_put(json);
	return text;
}

/* What lists read of it is what the whole says, whether in the usual way or, of what that does not know, in the other. */
static void test_listed_record(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	static const char *const labels[] = {"key=a=b", "quoted=\"\\\n", "accent=\xc3\xa9", "control=\001"};
	auto_container struct container *container = place(store, "boat");
	auto_close int dirfd = container_open(store, container->id, NULL);
	strv_add(&container->command, "");
	strv_add(&container->entrypoint, "sh -c 'echo \"$1\"'");
	container->created_ns = 1795888916574848665;
	container->remove = true;
	container->ports = xcalloc(1, sizeof(*container->ports));
	container->ports_count = 1;
	container->ports[0] = (struct container_port){"tcp", "::1", 8080, 80, 3};
	container_network_add(container, "one")->ip = xstrdup("10.0.0.1");
	container_network_add(container, "two");
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		auto_container struct container *whole = NULL, *listed = NULL;
		strv_add(&container->labels, labels[i]);
		assert_int_equal(container_write(dirfd, container, NULL), 0);
		assert_int_equal(container_read(store, container->id, &whole, NULL), 0);
		assert_int_equal(container_read_listed(store, container->id, &listed, NULL), 0);
		assert_string_equal(listed->id, whole->id);
		assert_string_equal(listed->name, "boat");
		assert_int_equal(listed->created_ns, container->created_ns);
		assert_true(listed->remove);
		assert_string_equal(listed->entrypoint.items[0], container->entrypoint.items[0]);
		assert_int_equal(listed->command.count, 1);
		assert_int_equal(listed->labels.count, i + 1);
		for (size_t j = 0; j <= i; j++)
			assert_string_equal(listed->labels.items[j], labels[j]);
		assert_int_equal(listed->ports_count, 1);
		assert_memory_equal(&listed->ports[0], &container->ports[0], sizeof(struct container_port));
		auto_free char *networks = networks_text(listed), *expected = networks_text(container);
		assert_string_equal(networks, expected);
	}
}

static void test_damaged_record(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = place(store, "boat"), *read = NULL;
	struct error err = ERROR_INIT;
	auto_close int dirfd = container_open(store, container->id, NULL);
	static const char *const texts[] = {"", "{", "{\"id\":3}", "{\"id\":\"x\"}\n{}\n", "[]\n{}\n", "{}\n"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(file_write_at(dirfd, "container.json", texts[i], strlen(texts[i]), 0600, 0, NULL), 0);
		assert_true(container_read(store, container->id, &read, &err) < 0);
		assert_null(read);
	}
	/* Half of it, as far as lists read. */
	assert_int_equal(container_write(dirfd, container, NULL), 0);
	auto_free char *text = NULL;
	assert_int_equal(file_read_at(dirfd, "container.json", 1 << 16, &text, NULL, NULL), 0);
	*strchr(text, '\n') = '\0';
	assert_int_equal(file_write_at(dirfd, "container.json", text, strlen(text), 0600, 0, NULL), 0);
	assert_true(container_read(store, container->id, &read, &err) < 0);
	assert_true(container_read_listed(store, container->id, &read, &err) < 0);
	/* It can be removed all the same, and its name is free again. */
	assert_int_equal(container_remove(store, container->id, NULL), 0);
	auto_container struct container *next = place(store, "boat");
	assert_non_null(next);
}

static void test_names(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *first = place(store, "boat"), *found = NULL;
	assert_non_null(first);
	assert_null(place(store, "boat"));
	auto_strv struct strv ids = STRV_INIT;
	assert_int_equal(container_ids(store, &ids, NULL), 0);
	assert_int_equal(ids.count, 1); /* nothing left of the second */

	assert_int_equal(container_rename(store, first, "ship", NULL), 0);
	assert_string_equal(first->name, "ship");
	auto_container struct container *second = place(store, "boat");
	assert_non_null(second);
	assert_int_equal(container_rename(store, first, "boat", NULL), -EEXIST);
	assert_int_equal(container_find(store, "ship", &found, NULL), 0);
	assert_string_equal(found->id, first->id);
	assert_string_equal(found->name, "ship");

	struct error err = ERROR_INIT;
	assert_int_equal(container_name_check("a/../b", &err), -EINVAL);
	assert_int_equal(container_name_check("-a", &err), -EINVAL);
	assert_int_equal(container_name_check("", &err), -EINVAL);
	assert_int_equal(container_name_check("a.B-9_", &err), 0);
	assert_int_equal(container_find(store, "../names/ship", &found, &err), -ENOENT);
}

static void test_random_names(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	struct container *containers[40];
	for (size_t i = 0; i < 40; i++) {
		containers[i] = place(store, NULL);
		assert_int_equal(container_name_check(containers[i]->name, NULL), 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(containers[i]->name, containers[j]->name);
	}
	for (size_t i = 0; i < 40; i++)
		container_free(containers[i]);
}

static void test_find_by_id(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *a = place(store, "boat"), *b = place(store, "ship"), *found = NULL, *again = NULL;
	struct error err = ERROR_INIT;
	char prefix[13] = "";
	assert_non_null(a);
	assert_non_null(b);
	snprintf(prefix, sizeof(prefix), "%.12s", b ? b->id : "");
	assert_int_equal(container_find(store, prefix, &found, &err), 0);
	assert_string_equal(found->id, b->id);
	assert_int_equal(container_find(store, a->id, &again, &err), 0);
	assert_string_equal(again->name, "boat");
	assert_int_equal(container_find(store, "nobody", &again, &err), -ENOENT);
	assert_string_equal(err.text, "no such container: nobody");
	assert_int_equal(container_find(store, "", &again, &err), -ENOENT);
}

static void test_stale_name(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	/* Killed between trashing the directory and unlinking the name. */
	char id[65];
	container_random_id(id);
	assert_int_equal(symlinkat(id, store->root_fd, "names/boat"), 0);
	auto_container struct container *container = place(store, "boat"), *found = NULL;
	assert_non_null(container);
	assert_int_equal(container_find(store, "boat", &found, NULL), 0);
	assert_string_equal(found->id, container->id);
}

static void test_half_made(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = place(store, "boat"), *gone = NULL;
	struct container_state s = {.status = CONTAINER_CREATED};
	assert_int_equal(container_reap(store, container, &s, NULL), 0);
	assert_int_equal(container_read(store, container->id, &gone, NULL), 0);
	container_free(TAKE_PTR(gone));
	/* Killed before its name was linked: removed, but not while its maker holds the lock. */
	assert_int_equal(unlinkat(store->root_fd, "names/boat", 0), 0);
	auto_close int lock = container_lock_open(store, container->id, NULL);
	assert_int_equal(lock_try(lock, LOCK_MODE_EXCLUSIVE), 0);
	assert_int_equal(container_reap(store, container, &s, NULL), 0);
	assert_int_equal(container_read(store, container->id, &gone, NULL), 0);
	container_free(TAKE_PTR(gone));
	assert_int_equal(container_remove(store, container->id, NULL), -EBUSY);
	assert_int_equal(lock_drop(lock), 0);
	assert_int_equal(container_reap(store, container, &s, NULL), 0);
	assert_int_equal(container_read(store, container->id, &gone, NULL), -ENOENT);
}

static void test_state_file(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	struct container_state written = {.status = CONTAINER_STOPPING, .pid = 12, .monitor_pid = 11, .started_ns = 1700000000123456789,
					  .exit_code = 3, .restart_count = 4, .oom_killed = true}, read;
	strcpy(written.error, "say \"no\" to\nC:\\");
	assert_int_equal(container_state_write(store->root_fd, &written, NULL), 0);
	assert_int_equal(container_state_read(store->root_fd, &read, NULL), 0);
	assert_int_equal(read.status, CONTAINER_STOPPING);
	assert_int_equal(read.pid, 12);
	assert_int_equal(read.monitor_pid, 11);
	assert_true(read.started_ns == written.started_ns);
	assert_true(read.oom_killed && !read.stopped_by_user);
	assert_string_equal(read.error, "say \"no\" to C:\\");
	/* Any start of it, as a full disk or a power cut leaves it, is damage and is told as such. */
	char line[4096];
	auto_close int fd = openat(store->root_fd, "state", O_RDONLY | O_CLOEXEC);
	ssize_t n = read_full(fd, line, sizeof(line));
	assert_true(n > 0);
	size_t length = n > 0 ? (size_t)n : 0;
	auto_json struct json_object *object = NULL;
	assert_int_equal(json_parse(line, length, "state", &object, NULL), 0);
	for (size_t i = 0; i < length; i++) {
		assert_int_equal(file_write_at(store->root_fd, "state", line, i, 0600, 0, NULL), 0);
		assert_int_equal(container_state_read(store->root_fd, &read, NULL), -EBADMSG);
	}
	memset(written.error, '"', sizeof(written.error) - 1);
	assert_int_equal(container_state_write(store->root_fd, &written, NULL), 0);
	assert_int_equal(container_state_read(store->root_fd, &read, NULL), 0);
}

/* Whoever looks at a container while it gets another name must not take it for one that was only half made. */
static void test_reap_and_rename(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = place(store, "boat"), *read = NULL;
	pid_t renaming = fork();
	if (renaming == 0) {
		int r = 0;
		for (int i = 0; r == 0 && i < 4000; i++)
			r = container_rename(store, container, i % 2 ? "boat" : "ship", NULL);
		_exit(r < 0);
	}
	const struct container_state seen = {.status = CONTAINER_EXITED, .died_unseen = true};
	int status;
	while (waitpid(renaming, &status, WNOHANG) == 0)
		assert_int_equal(container_reap(store, container, &seen, NULL), 0);
	assert_int_equal(status, 0);
	assert_int_equal(container_read(store, container->id, &read, NULL), 0);
	assert_int_equal(container_remove(store, container->id, NULL), 0);
}

static void test_truth(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = place(store, "boat");
	struct container_state s;
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_CREATED);

	auto_close int lock = container_lock_open(store, container->id, NULL);
	auto_close int dirfd = container_open(store, container->id, NULL);
	assert_int_equal(lock_try(lock, LOCK_MODE_EXCLUSIVE), 0);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_STARTING);
	/* An earlier start that failed: its monitor's number is nobody's that could be signalled. */
	s = (struct container_state){.status = CONTAINER_CREATED, .monitor_pid = 4};
	assert_int_equal(container_state_write(dirfd, &s, NULL), 0);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_STARTING);
	assert_int_equal(s.monitor_pid, 0);
	s = (struct container_state){.status = CONTAINER_RUNNING, .pid = 5, .monitor_pid = 4, .started_ns = 7};
	assert_int_equal(container_state_write(dirfd, &s, NULL), 0);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_RUNNING);
	assert_int_equal(s.pid, 5);

	/* The monitor is gone without a word. */
	assert_int_equal(lock_drop(lock), 0);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_EXITED);
	assert_int_equal(s.exit_code, 137);
	assert_int_equal(s.pid, 0);

	/* Between two lives its process had ended before, and how is known. */
	s = (struct container_state){.status = CONTAINER_RESTARTING, .monitor_pid = 4, .started_ns = 7, .finished_ns = 8};
	assert_int_equal(container_state_write(dirfd, &s, NULL), 0);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_EXITED);
	assert_int_equal(s.exit_code, 0);

	assert_int_equal(file_write_at(dirfd, "state", "{\"sta", 5, 0600, 0, NULL), 0);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_EXITED);
	assert_int_equal(s.exit_code, 137);
}

/* A process that has the lock, as a monitor has it, for 200 ms. */
static pid_t hold_lock(struct store *store, const char *id)
{
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t monitor = fork();
	if (monitor == 0) {
		int lock = container_lock_open(store, id, NULL);
		bool held = lock_try(lock, LOCK_MODE_EXCLUSIVE) == 0 && write(ready[1], "", 1) == 1;
		usleep(200000);
		_exit(held ? 0 : 1);
	}
	char byte;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return monitor;
}

/* It says that it runs, and somebody has its lock. */
static pid_t run_for_a_moment(struct store *store, const char *id, struct container_state *ret)
{
	*ret = (struct container_state){.status = CONTAINER_RUNNING, .pid = 5, .monitor_pid = 4, .started_ns = 7};
	auto_close int dirfd = container_open(store, id, NULL);
	assert_int_equal(container_state_write(dirfd, ret, NULL), 0);
	return hold_lock(store, id);
}

/* The socket of a monitor that is killed may be closed before its lock is free. */
static void test_truth_after(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = place(store, "boat");
	struct container_state s;
	pid_t monitor = run_for_a_moment(store, container->id, &s);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_RUNNING);
	assert_int_equal(container_state_after(store, container->id, &s, NULL), 0);
	assert_int_equal(s.status, CONTAINER_EXITED);
	assert_int_equal(s.exit_code, 137);
	waitpid(monitor, NULL, 0);
}

/* One that lives has its lock; one that has ended has it for a moment still, and then it can be removed. */
static void test_lock(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = place(store, "boat");
	struct container_state s;
	pid_t monitor = run_for_a_moment(store, container->id, &s);
	assert_int_equal(container_lock(store, container->id, NULL), -EAGAIN);
	assert_int_equal(container_remove(store, container->id, NULL), -EBUSY);
	auto_close int dirfd = container_open(store, container->id, NULL);
	s.status = CONTAINER_EXITED;
	assert_int_equal(container_state_write(dirfd, &s, NULL), 0);
	assert_int_equal(container_remove(store, container->id, NULL), 0);
	waitpid(monitor, NULL, 0);
}

static void test_remove_option(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	auto_container struct container *container = container_new(), *gone = NULL;
	auto_stage struct stage stage = STAGE_INIT;
	container_random_id(container->id);
	container->remove = true;
	assert_int_equal(store_stage(store, &stage, NULL), 0);
	assert_int_equal(container_place(store, &stage, container, NULL), 0);
	struct container_state s;
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(container_reap(store, container, &s, NULL), 0);
	assert_int_equal(container_read(store, container->id, &gone, NULL), 0); /* created only: stays */
	auto_close int dirfd = container_open(store, container->id, NULL);
	s = (struct container_state){.status = CONTAINER_RUNNING, .pid = 5, .started_ns = 7};
	assert_int_equal(container_state_write(dirfd, &s, NULL), 0);
	assert_int_equal(container_state(store, container->id, &s, NULL), 0);
	assert_int_equal(container_reap(store, container, &s, NULL), 0);
	container_free(TAKE_PTR(gone));
	assert_int_equal(container_read(store, container->id, &gone, NULL), -ENOENT);
	char owner[65];
	assert_int_equal(name_resolve(store->root_fd, container->name, owner), -ENOENT);
}

/* Many at once want one name: exactly one gets it. */
static void test_race(void **state)
{
	struct store *store = &((struct fixture *)*state)->store;
	pid_t pids[16];
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct container *container = container_new();
			struct stage stage = STAGE_INIT;
			container_random_id(container->id);
			container->name = xstrdup("boat");
			int r = store_stage(store, &stage, NULL);
			_exit(r == 0 && container_place(store, &stage, container, NULL) == 0 ? 0 : 1);
		}
	}
	int winners = 0;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status = -1;
		waitpid(pids[i], &status, 0);
		winners += status == 0;
	}
	assert_int_equal(winners, 1);
	auto_strv struct strv ids = STRV_INIT;
	assert_int_equal(container_ids(store, &ids, NULL), 0);
	assert_int_equal(ids.count, 1);
}

static struct container *place_needing(struct store *store, const char *name, const struct container *network, const struct container *required)
{
	struct container *container = container_new();
	auto_stage struct stage stage = STAGE_INIT;
	container_random_id(container->id);
	container->name = xstrdup(name);
	container->network = network ? xasprintf("container:%s", network->id) : NULL;
	if (required)
		strv_add(&container->requires, required->id);
	assert_int_equal(store_stage(store, &stage, NULL), 0);
	assert_int_equal(container_place(store, &stage, container, NULL), 0);
	return container;
}

static size_t position(const struct strv *ids, const struct container *container)
{
	for (size_t i = 0; i < ids->count; i++)
		if (strcmp(ids->items[i], container->id) == 0)
			return i;
	return SIZE_MAX;
}

static void test_dependents(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = &fixture->store;
	auto_container struct container *base = place_needing(store, "base", NULL, NULL);
	auto_container struct container *net = place_needing(store, "net", base, NULL);
	auto_container struct container *both = place_needing(store, "both", base, net);
	auto_container struct container *top = place_needing(store, "top", NULL, both);
	auto_container struct container *alone = place_needing(store, "alone", NULL, NULL);
	auto_strv struct strv all = STRV_INIT, none = STRV_INIT, own = STRV_INIT;
	assert_int_equal(container_dependents(store, base->id, &all, NULL), 0);
	assert_int_equal(all.count, 3);
	assert_true(position(&all, top) < position(&all, both));
	assert_true(position(&all, both) < position(&all, net));
	assert_int_equal(position(&all, alone), SIZE_MAX);
	assert_int_equal(container_dependents(store, top->id, &none, NULL), 0);
	assert_int_equal(none.count, 0);
	container_dependencies(both, &own);
	assert_int_equal(own.count, 2);
	assert_string_equal(own.items[0], base->id);
	assert_string_equal(own.items[1], net->id);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_dependents), TEST(test_record),	    TEST(test_damaged_record), TEST(test_listed_record), TEST(test_names),     TEST(test_random_names),
	    TEST(test_find_by_id),  TEST(test_stale_name),     TEST(test_half_made), TEST(test_state_file),
	    TEST(test_reap_and_rename),
	    TEST(test_truth),	    TEST(test_truth_after),    TEST(test_lock),	     TEST(test_remove_option),
	    TEST(test_race),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
