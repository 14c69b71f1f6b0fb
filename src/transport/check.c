/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/check/check.h"

#include <errno.h>
#include <stdio.h>

#include "src/commands.h"
#include "src/session.h"

enum {
	STATUS_WRONG = 1,
};

struct options {
	bool quick, repair, force;
	int64_t max;
};

static const struct cli_option table[] = {
    {'f', "force", CLI_FLAG, offsetof(struct options, force), NULL,
     "With --repair: remove the images and containers that cannot be mended"},
    {'m', "max", CLI_DURATION, offsetof(struct options, max), "DURATION",
     "How long a layer may be there that neither an image nor a container has (24h)"},
    {'q', "quick", CLI_FLAG, offsetof(struct options, quick), NULL, "Do not read the content of files"},
    {'r', "repair", CLI_FLAG, offsetof(struct options, repair), NULL, "Mend what can be mended"},
    CLI_OPTIONS_END,
};

static void defaults(void *options)
{
	((struct options *)options)->max = (int64_t)24 * 3600 * 1000000000;
}

/* Written at once: it may be a child that shows it. */
static void show(enum check_outcome outcome, const char *subject, const char *text)
{
	static const char *const endings[] = {[CHECK_WRONG] = "", [CHECK_MENDED] = " (mended)", [CHECK_LOST] = " (lost)"};
	printf("%s: %s%s\n", subject, text, endings[outcome]);
	fflush(stdout);
}

static int check_all(struct check *check, bool force, struct error *err)
{
	auto_strv struct strv damaged = STRV_INIT, layers = STRV_INIT;
	int r = check_leftovers(check, err);
	if (r == 0)
		r = check_layers(check, err);
	if (r == 0)
		r = check_images(check, err);
	if (r == 0)
		r = check_containers(check, &damaged, &layers, err);
	if (r == 0 && force)
		r = check_remove_damaged(check, &damaged, err);
	if (r == 0)
		r = check_names(check, err);
	if (r == 0)
		r = check_volumes(check, err);
	if (r == 0)
		r = check_unused_layers(check, &layers, err);
	return r < 0 || !check->repair ? r : store_empty_trash(check->store, err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (options->force && !options->repair)
		return error_set(err, EINVAL, "--force says what --repair may do; give both");
	auto_store struct store *store = NULL;
	auto_check struct check check = {.quick = options->quick,
					 .repair = options->repair,
					 .unused_age_s = options->max / 1000000000,
					 .show = show};
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	check.store = store;
	if ((r = check_begin(&check, err)) < 0 || (r = check_all(&check, options->force, err)) < 0)
		return r;
	size_t wrong = check.counts->wrong, mended = check.counts->mended;
	/* What was removed is not wrong any more. */
	if (options->force && wrong > 0) {
		struct check again = {
		    .store = store, .quick = options->quick, .unused_age_s = check.unused_age_s, .show = show};
		check_end(&check);
		check = again;
		if ((r = check_begin(&check, err)) < 0 || (r = check_all(&check, false, err)) < 0)
			return r;
		wrong = check.counts->wrong;
	}
	if (wrong == 0 && mended == 0)
		puts("Nothing is wrong.");
	else
		printf("%zu wrong, %zu mended\n", wrong, mended);
	return wrong ? STATUS_WRONG : 0;
}

const struct cli_command cmd_system_check = {
    .name = "check",
    .summary = "Check that the store is whole, and mend it",
    .usage = "[OPTIONS]",
    .description =
	"Holds everything in the store against what it must be: the files of every layer against the layer's recipe "
	"(type, mode, owner, time, "
	"attributes, content, and that there is nothing else), images and references against their digests, containers "
	"against their images. A line for each thing that is wrong.\n\n"
	"--repair mends it, and touches nothing else. The content of files cannot be made from anything in the store: a "
	"layer that has lost some is "
	"marked, and is brought again by the next load or pull of an image that has it.\n\n"
	"The exit status is 0 when nothing is wrong (any more), 1 when something is, and 125 for an error. Other commands "
	"can be used meanwhile.",
    .examples = "coracle system check --quick\ncoracle system check --repair",
    .options = table,
    .options_size = sizeof(struct options),
    .defaults = defaults,
    .max_arguments = 0,
    .run = run,
};
