/* SPDX-License-Identifier: Apache-2.0 */
#include "src/create_image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libpod/create/create.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/program/program.h"
#include "src/global.h"
#include "src/session.h"

/* ---- fetching ---- */
static bool wants_platform(const struct create_options *options)
{
	return options->platform || options->arch || options->os || options->variant;
}

static void add_option(struct strv *arguments, const char *name, const char *value)
{
	if (value)
		strv_addf(arguments, "--%s=%s", name, value);
}

static void transport_arguments(const struct cli_context *context, const struct store *store, const char *policy, struct strv *ret)
{
	const struct global_options *global = context->global;
	const struct create_options *options = context->options;
	strv_add(ret, context->program);
	strv_addf(ret, "--root=%s", store->root);
	strv_addf(ret, "--runroot=%s", store->run);
	add_option(ret, "log-level", global->log_level);
	strv_add(ret, "pull");
	strv_addf(ret, "--policy=%s", policy);
	add_option(ret, "platform", options->platform);
	add_option(ret, "arch", options->arch);
	add_option(ret, "os", options->os);
	add_option(ret, "variant", options->variant);
	add_option(ret, "authfile", options->authfile);
	if (options->tls_verify_given)
		add_option(ret, "tls-verify", options->tls_verify ? "true" : "false");
	if (options->quiet)
		strv_add(ret, "--quiet");
	strv_add(ret, "--");
	strv_add(ret, context->arguments.items[0]);
}

_Noreturn static void execute(const char *path, const struct strv *arguments, int output)
{
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	execv(path, arguments->items);
	_exit(127);
}

/* Runs the program, whose messages are people's to see; what it prints is the image's id. Its exit status. */
static int run_transport(const struct strv *arguments, char *ret_id, struct error *err)
{
	auto_free char *path = NULL;
	int ends[2], status;
	int r = program_find("coracle-transport", &path, err);
	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int from = ends[0], to = ends[1];
	pid_t pid = process_clone(0, NULL);
	if (pid < 0)
		return error_sys(err, pid, "start %s", path);
	if (pid == 0)
		execute(path, arguments, to);
	close(TAKE_FD(to));
	char id[65] = "";
	ssize_t n = read_full(from, id, sizeof(id));
	if ((r = process_wait(pid, &status)) < 0)
		return error_sys(err, r, "wait for %s", path);
	if (process_exit_code(status) != 0)
		return process_exit_code(status);
	if (n != sizeof(id) || id[64] != '\n' || !text_is_hex(id, 64))
		return error_set(err, EIO, "%s has not said which image it fetched", path);
	id[64] = '\0';
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

/* The user's name for the image is the better one, if it means what was fetched. */
static int name_of(struct store *store, const char *name, const char *id, char **ret, struct error *err)
{
	auto_image struct image *image = NULL;
	auto_free char *full_name = NULL;
	int r = image_find_to_run(store, name, &image, &full_name, err);
	if (r < 0 && r != -ENOENT && r != -EINVAL)
		return r;
	error_clear(err);
	*ret = xstrdup(r == 0 && strcmp(image->id, id) == 0 ? name : id);
	return 0;
}

static int fetch(const struct cli_context *context, struct store *store, const char *policy, char **ret_name, struct error *err)
{
	auto_strv struct strv arguments = STRV_INIT;
	char id[65];
	transport_arguments(context, store, policy, &arguments);
	int r = run_transport(&arguments, id, err);
	return r != 0 ? r : name_of(store, context->arguments.items[0], id, ret_name, err);
}

/* ---- creating ---- */
static bool is_here(struct store *store, const char *name)
{
	auto_image struct image *image = NULL;
	auto_free char *full_name = NULL;
	return image_find_to_run(store, name, &image, &full_name, NULL) == 0;
}

int create_of_image(const struct cli_context *context, struct store *store, bool listen, struct plan *ret, struct error *err)
{
	const struct create_options *options = context->options;
	const char *policy = options->pull ? options->pull : "missing", *name = context->arguments.items[0];
	auto_free char *fetched = NULL;
	auto_strv struct strv arguments = STRV_INIT;
	session_behind(context, 1, &arguments);
	int r = 0;
	if (options->rootfs)
		return create_container(store, options, name, &arguments, listen, ret, err);
	/* Whether what is here is for that platform, the other program knows. */
	if (wants_platform(options) || strcmp(policy, "always") == 0 || strcmp(policy, "newer") == 0)
		r = fetch(context, store, policy, &fetched, err);
	if (r != 0)
		return r;
	/* What is nearly always there is looked for only once. */
	r = create_container(store, options, fetched ? fetched : name, &arguments, listen, ret, err);
	if (r != -ENOENT || strcmp(policy, "missing") != 0 || is_here(store, name))
		return r;
	error_clear(err);
	if ((r = fetch(context, store, policy, &fetched, err)) != 0)
		return r;
	return create_container(store, options, fetched, &arguments, listen, ret, err);
}
