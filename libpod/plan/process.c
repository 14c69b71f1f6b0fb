/* SPDX-License-Identifier: Apache-2.0 */
/* process: what is run, as whom, where, with which limits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

/* --entrypoint: a program, or a JSON array as in an image's configuration. "" means: none. */
static int parse_entrypoint(const char *text, struct strv *entrypoint, struct error *err)
{
	if (*text != '[') {
		if (*text)
			strv_add(entrypoint, text);
		return 0;
	}
	auto_free char *wrapped = xasprintf("{\"entrypoint\":%s}", text);
	auto_json struct json_object *object = NULL;
	int r = json_parse(wrapped, strlen(wrapped), "--entrypoint", &object, err);
	return r < 0 ? r : json_get_strv(object, "entrypoint", entrypoint, err);
}

/* Docker takes a text for a list of one, and there are images that have it so. */
static int words_of(struct json_object *image_config, const char *key, struct strv *ret, struct error *err)
{
	struct json_object *value = NULL;
	const char *word = NULL;
	if (!image_config || !json_object_object_get_ex(image_config, key, &value) || !json_object_is_type(value, json_type_string))
		return json_get_strv(image_config, key, ret, err);
	int r = json_get_string(image_config, key, &word, err);
	if (r > 0 && *word)
		strv_add(ret, word);
	return r;
}

static int plan_arguments(const struct create_options *options, struct json_object *image_config, const struct strv *arguments,
			  struct plan *plan, struct error *err)
{
	struct container *container = plan->container;
	int r = options->entrypoint_given ? parse_entrypoint(options->entrypoint, &container->entrypoint, err)
					  : words_of(image_config, "Entrypoint", &container->entrypoint, err);
	if (r < 0)
		return r;
	if (arguments->count)
		strv_add_all(&container->command, arguments);
	else if (!options->entrypoint_given && (r = words_of(image_config, "Cmd", &container->command, err)) < 0)
		return r;
	struct strv *args = &plan->spec.process.args;
	strv_add_all(args, &container->entrypoint);
	strv_add_all(args, &container->command);
	if (args->count == 0 && container->rootfs)
		return error_set(err, EINVAL, "no command: give one behind the folder");
	if (args->count == 0)
		return error_set(err, EINVAL, "no command: image %s names none, so give one behind its name", container->image_name);
	return 0;
}

/* "nofile=1024:2048", "nofile=1024", "core=-1" */
static int plan_ulimit(const char *text, struct spec *spec, struct error *err)
{
	const char *equals = strchr(text, '=');
	/* podman's word for those that you have, which a container has anyway. */
	if (strcmp(text, "host") == 0)
		return 0;
	auto_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;
	int resource = name ? rlimit_from_name(name) : -1;
	if (resource < 0)
		return error_set(err, EINVAL, "--ulimit %s: give NAME=SOFT[:HARD] with a limit of getrlimit(2), as nofile=1024:2048", text);
	auto_strv struct strv values = STRV_INIT;
	strv_split(&values, equals + 1, ':');
	int64_t soft, hard;
	if (values.count > 2 || parse_int64(values.items[0], "limit", -1, INT64_MAX, &soft, err) < 0 ||
	    parse_int64(values.items[values.count - 1], "limit", -1, INT64_MAX, &hard, err) < 0)
		return error_set(err, EINVAL, "--ulimit %s: the limits must be numbers, -1 for none", text);
	uint64_t soft_limit = soft < 0 ? RLIM_INFINITY : (uint64_t)soft, hard_limit = hard < 0 ? RLIM_INFINITY : (uint64_t)hard;
	if (soft_limit > hard_limit)
		return error_set(err, EINVAL, "--ulimit %s: the soft limit is above the hard limit", text);
	struct rlimit own;
	if (getrlimit(resource, &own) == 0 && hard_limit > own.rlim_max)
		return error_set(err, EPERM, "--ulimit %s: your own hard limit is %llu; only an administrator can raise it (limits.conf(5))",
				 text, (unsigned long long)own.rlim_max);
	spec_add_rlimit(spec, resource, soft_limit, hard_limit);
	return 0;
}

/* The one that a later start finds, too, from wherever that is. */
static int plan_init(const struct create_options *options, struct container *container, struct error *err)
{
	if (!options->init || !options->init_path)
		return 0;
	container->init_path = realpath(options->init_path, NULL);
	if (!container->init_path || access(container->init_path, X_OK) < 0)
		return error_sys(err, errno, "--init-path %s", options->init_path);
	return 0;
}

static int plan_stop(const struct create_options *options, struct json_object *image_config, struct container *container,
		     struct error *err)
{
	const char *signal = options->stop_signal;
	if (!signal && json_get_string(image_config, "StopSignal", &signal, err) < 0)
		return -EINVAL;
	if (text_is_empty(signal))
		signal = container->systemd ? "SIGRTMIN+3" : "SIGTERM";
	container->stop_signal = signal_from_name(signal);
	if (container->stop_signal < 0)
		return error_set(err, EINVAL, "unknown stop signal \"%s\"", signal);
	container->timeout_s = options->timeout;
	container->stop_timeout_s = options->stop_timeout_given ? options->stop_timeout : 10;
	return 0;
}

int plan_process(struct store *store, const struct create_options *options, const struct image *image, struct json_object *image_config,
		 const struct strv *arguments, struct plan *plan, struct error *err)
{
	struct spec_process *process = &plan->spec.process;
	process->present = true;
	process->terminal = options->terminal;
	int r = plan_arguments(options, image_config, arguments, plan, err);
	if (r < 0 || (r = plan_systemd(options, plan, err)) < 0 || (r = plan_init(options, plan->container, err)) < 0)
		return r;
	plan->spec.personality = options->personality ? xstrdup(options->personality) : NULL;
	auto_free char *home = NULL;
	if ((r = plan_identity(store, options, image, image_config, plan, &home, err)) < 0)
		return r;
	r = plan_environment(options, image_config, plan->container->hostname, home, &process->env, err);
	if (r < 0)
		return r;
	plan_systemd_environment(plan);

	const char *cwd = options->workdir;
	if (!cwd && json_get_string(image_config, "WorkingDir", &cwd, err) < 0)
		return -EINVAL;
	if (text_is_empty(cwd))
		cwd = "/";
	if (*cwd != '/')
		return error_set(err, EINVAL, "the working directory \"%s\" must be an absolute path", cwd);
	process->cwd = xstrdup(cwd);
	plan->container->working_dir = xstrdup(cwd);

	for (size_t i = 0; i < options->ulimits.count; i++)
		if ((r = plan_ulimit(options->ulimits.items[i], &plan->spec, err)) < 0)
			return r;
	if (options->umask) {
		char *end;
		unsigned long mask = strtoul(options->umask, &end, 8);
		if (!*options->umask || *end || mask > 0777)
			return error_set(err, EINVAL, "--umask %s is not an octal mask of at most 0777", options->umask);
		process->umask = (int)mask;
	}
	if (options->oom_score_adj_given) {
		if (options->oom_score_adj < -1000 || options->oom_score_adj > 1000)
			return error_set(err, EINVAL, "--oom-score-adj must lie between -1000 and 1000");
		process->has_oom_score_adj = true;
		process->oom_score_adj = (int)options->oom_score_adj;
	}
	return plan_stop(options, image_config, plan->container, err);
}
