/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "libpod/info/info_internal.h"
#include "libpod/network/network.h"
#include "pkg/process/process.h"

/* Where a program is and the first line of its --version; nothing is added when it is not there. */
static bool add_program(struct json_object *host, const char *key, const char *path_key, const char *name)
{
	auto_free char *path = find_program(name);
	if (!path)
		return false;
	auto_strbuf struct strbuf output = STRBUF_INIT;
	struct json_object *object = json_object_new_object();
	json_add_string(object, path_key, path);
	struct spawn spawn = {.argv = (const char *const[]){path, "--version", NULL}, .output = &output};
	if (spawn_run(&spawn, NULL) == 0) {
		auto_free char *line = xstrndup(strbuf_text(&output), strcspn(strbuf_text(&output), "\n"));
		json_add_string(object, "version", line);
	}
	json_object_object_add(host, key, object);
	return true;
}

/* The one that a container gets for which nothing else is asked. */
static void add_network(const struct store *store, struct json_object *host, bool found)
{
	struct error err = ERROR_INIT;
	auto_container struct container *container = container_new();
	int r = network_mode("", store->settings.network_program, container, &err);
	json_add_string(host, "networkBackend", "coracle");
	json_add_string(host, "rootlessNetworkCmd", r < 0 ? "" : container->network);
	json_add_string(host, "networkProgram", r < 0 ? "" : container->network);
	if (r < 0)
		json_add_string(host, "networkAdvice", err.text);
	else if (!found)
		json_add_string(host, "networkAdvice", "containers have no network of their own: install the package passt or slirp4netns");
}

void info_programs(const struct store *store, struct json_object *host)
{
	struct json_object *runtime = json_object_new_object();
	json_add_string(runtime, "name", "coracle");
	char path[PATH_MAX] = "";
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		*path = '\0';
	json_add_string(runtime, "path", path);
	json_add_string(runtime, "version", "coracle version " CORACLE_VERSION);
	json_object_object_add(host, "ociRuntime", runtime);
	bool pasta = add_program(host, "pasta", "executable", "pasta");
	bool slirp = add_program(host, "slirp4netns", "executable", "slirp4netns");
	add_program(host, "fuseOverlayfs", "executable", "fuse-overlayfs");
	add_network(store, host, pasta || slirp);
	json_add_string(host, "logDriver", "json-file");
	json_add_string(host, "eventLogger", "none");
	json_add_bool(host, "serviceIsRemote", false);
}
