/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit: the changes of a container become a layer, and it and the image's layers an image.
 *
 * The layer is packed by a process that may read the container's files, as a tar that goes through a pipe to the one
 * that unpacks it into the store (storage/unpack/unpack.h), like any other layer: so its recipe, its digest and its
 * place come from one hand.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "libpod/control/control.h"
#include "libpod/filesystem/filesystem.h"
#include "libpod/spec/spec.h"
#include "pkg/file/file.h"
#include "src/commands.h"
#include "src/session.h"
#include "src/transport/commit_config.h"
#include "src/transport/output.h"
#include "storage/image/image.h"
#include "storage/manifest/manifest.h"
#include "storage/pack/pack.h"
#include "storage/unpack/batch.h"


struct options {
	const char *author, *message, *format, *iidfile;
	struct strv changes;
	bool volumes, pause, quiet, squash;
};

static const struct cli_option table[] = {
    {'a', "author", CLI_STRING, offsetof(struct options, author), "NAME", "Set the author of the image"},
    {'c', "change", CLI_LIST, offsetof(struct options, changes), "INSTRUCTION",
     "Apply an instruction of a Dockerfile to the image: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, "
     "USER, VOLUME, WORKDIR"},
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT",
     "Kind of the image's manifest: oci (the default) or docker", .values = "oci|docker"},
    {0, "iidfile", CLI_STRING, offsetof(struct options, iidfile), "FILE", "Write the image's id to FILE",
     .complete = CLI_COMPLETE_FILE},
    {0, "include-volumes", CLI_FLAG, offsetof(struct options, volumes), NULL,
     "Make what is mounted into the container volumes of the image"},
    {'m', "message", CLI_STRING, offsetof(struct options, message), "TEXT", "Set the comment in the image's history"},
    {'p', "pause", CLI_FLAG, offsetof(struct options, pause), NULL, "Pause the container meanwhile"},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print no progress"},
    {'s', "squash", CLI_FLAG, offsetof(struct options, squash), NULL, "Make one layer of all"},
    CLI_OPTIONS_END,
};

struct commit {
	struct store *store;
	const struct options *options;
	struct container *container;
	struct reference name;
	bool named;
	struct image *image; /* that the container is of; NULL: it is gone */
	struct spec spec;
	struct commit_config request;
	struct json_object *config;
	int pipe[2];
};

static void commit_free(struct commit *commit)
{
	reference_free(&commit->name);
	spec_free(&commit->spec);
	json_object_put(commit->config);
	if (commit->image)
		image_free(commit->image);
	if (commit->container)
		container_free(commit->container);
	cleanup_close(&commit->pipe[0]);
	cleanup_close(&commit->pipe[1]);
}

/* ---- what is asked for; all that can be wrong is found before anything is done ---- */
static int parse_name(struct commit *commit, const char *text, struct error *err)
{
	int r = reference_parse(text, &commit->name, err);
	if (r < 0)
		return r;
	if (commit->name.digest)
		return error_set(err, EINVAL, "an image cannot be given a digest: \"%s\"", text);
	reference_normalize_local(&commit->name);
	commit->named = true;
	return 0;
}

static int read_spec(struct commit *commit, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	auto_close int dirfd = container_open(commit->store, commit->container->id, err);
	int r = dirfd < 0 ? dirfd : file_read_at(dirfd, "config.json", SPEC_TEXT_MAX, &text, &length, err);
	return r < 0 ? r : spec_read(text, length, "config.json", &commit->spec, err);
}

static int prepare(struct commit *commit, const struct strv *arguments, struct error *err)
{
	const struct options *options = commit->options;
	int r = arguments->count > 1 ? parse_name(commit, arguments->items[1], err) : 0;
	if (r == 0)
		r = container_find(commit->store, arguments->items[0], &commit->container, err);
	if (r == 0)
		r = read_spec(commit, err);
	if (r == 0 && image_find(commit->store, commit->container->image_id, &commit->image, NULL) == 0)
		r = image_load_config(commit->store, commit->image, err);
	if (r < 0)
		return r;
	commit->request = (struct commit_config){
	    .container = commit->container,
	    .environment = &commit->spec.process.env,
	    .base = commit->image ? commit->image->config : NULL,
	    .changes = &options->changes,
	    .author = options->author,
	    .message = options->message,
	    .volumes = options->volumes,
	};
	return commit_config_make(&commit->request, &commit->config, err);
}

/* ---- the layer ---- */
static int pack(void *data, struct error *err)
{
	struct commit *commit = data;
	auto_filesystem struct filesystem filesystem = FILESYSTEM_INIT;
	signal(SIGPIPE, SIG_IGN);
	close(TAKE_FD(commit->pipe[0]));
	int r = filesystem_open(commit->store, commit->container, &filesystem, err);
	if (r < 0)
		return r;
	if (!commit->options->squash)
		return pack_changes(&filesystem.changes, filesystem.tree_fd, commit->pipe[1], err);
	contents_apply(filesystem.image, &filesystem.changes);
	return pack_contents(commit->store, filesystem.image, filesystem.tree_fd, commit->pipe[1], err);
}

/* Both ends fail when one does; the one that failed first tells why. */
static int make_layer(struct commit *commit, struct layer_batch *batch, struct unpack_result *ret, struct error *err)
{
	struct mapped packer;
	struct error packing = ERROR_INIT;
	if (pipe2(commit->pipe, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	int r = store_begin_mapped(commit->store, pack, commit, &packer, err);
	if (r < 0)
		return r;
	close(TAKE_FD(commit->pipe[1]));
	struct unpack_request request = {
	    .fd = commit->pipe[0], .offset = -1, .length = -1, .name = "the container's changes"};
	r = layer_batch_add(batch, &request, ret, err);
	close(TAKE_FD(commit->pipe[0]));
	int packed = store_finish_mapped(&packer, &packing);
	if (packed < 0 && (r == 0 || packed != -EPIPE)) {
		*err = packing;
		r = packed;
	}
	return r;
}

/* A container that is not running cannot be paused, and need not be. */
static int make_layer_paused(struct commit *commit, struct layer_batch *batch, struct unpack_result *ret,
			     struct error *err)
{
	struct container_state state;
	int r = container_state(commit->store, commit->container->id, &state, err);
	auto_close int held = -1;
	if (r == 0 && commit->options->pause && state.status == CONTAINER_RUNNING)
		r = held = control_hold(commit->store, commit->container, err);
	if (r >= 0)
		r = make_layer(commit, batch, ret, err);
	/* The monitor sees the descriptor closed a little later; who has unpaused or ended it meanwhile is right. */
	if (held >= 0)
		control_unpause(commit->store, commit->container, NULL);
	return r;
}

/* ---- the image ---- */
static int collect_layers(struct commit *commit, struct layer_batch *batch, const struct unpack_result *layer,
			  struct strv *ret_diff_ids, struct descriptor **ret, int64_t *ret_size, struct error *err)
{
	const struct strv *lower = &commit->container->layers;
	bool docker = commit->options->format && strcmp(commit->options->format, "docker") == 0;
	struct descriptor *layers = xcalloc(lower->count + 1, sizeof(*layers));
	struct layer_facts facts = {layer->size, layer->tar_size};
	*ret = layers;
	for (size_t i = commit->options->squash ? lower->count : 0; i < lower->count; i++)
		strv_add(ret_diff_ids, lower->items[i]);
	strv_add(ret_diff_ids, layer->diff_id);
	for (size_t i = 0; i < ret_diff_ids->count; i++) {
		if (i + 1 < ret_diff_ids->count) {
			struct layer_facts found;
			int r = layer_batch_has(batch, ret_diff_ids->items[i], &found, err);
			if (r <= 0)
				return r < 0 ? r
					     : error_set(err, ENOENT, "the layer %s of the container's image is gone",
							 ret_diff_ids->items[i]);
			layers[i].size = found.tar_size;
			*ret_size += found.size;
		} else {
			layers[i].size = facts.tar_size;
			*ret_size += facts.size;
		}
		layers[i].media_type = (char *)manifest_layer_type(docker, "none");
		layers[i].digest = ret_diff_ids->items[i];
	}
	return 0;
}

static int add_image(struct commit *commit, struct layer_batch *batch, const struct unpack_result *layer, char *ret_id,
		     struct error *err)
{
	auto_strv struct strv diff_ids = STRV_INIT;
	auto_free struct descriptor *layers = NULL;
	char digest[DIGEST_TEXT_MAX], manifest_digest[DIGEST_TEXT_MAX];
	int64_t size = 0;
	bool docker = commit->options->format && strcmp(commit->options->format, "docker") == 0;
	int r = collect_layers(commit, batch, layer, &diff_ids, &layers, &size, err);
	if (r < 0)
		return r;
	commit_config_add_layer(commit->config, &commit->request, &diff_ids, commit->options->squash);
	auto_free char *config = json_text(commit->config, false);
	r = digest_of(config, strlen(config), digest, err);
	if (r < 0)
		return r;
	struct descriptor descriptor = {(char *)(docker ? MEDIA_TYPE_DOCKER_CONFIG : MEDIA_TYPE_OCI_CONFIG), digest,
					(int64_t)strlen(config)};
	auto_free char *manifest = manifest_write(docker, &descriptor, layers, diff_ids.count);
	r = image_add(commit->store, manifest, strlen(manifest), config, strlen(config), &diff_ids, size, ret_id,
		      manifest_digest, err);
	return r < 0 || !commit->named ? r : image_tag(commit->store, &commit->name, manifest_digest, ret_id, err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(commit_free) struct commit commit = {.options = options, .pipe = {-1, -1}};
	struct unpack_result layer = {0};
	char id[65];
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	commit.store = store;
	auto_close int lock = store_lock(store, LOCK_MODE_SHARED, err);
	r = lock < 0 ? lock : prepare(&commit, &context->arguments, err);
	if (r < 0)
		return r;
	/* The container keeps its layers; nobody else is to wait for as long as a large one takes. */
	close(TAKE_FD(lock));
	auto_layer_batch struct layer_batch *batch = layer_batch_new(store);
	store_empty_trash(store, NULL); /* what was left by those that were killed */
	r = make_layer_paused(&commit, batch, &layer, err);
	if (r == 0 && (lock = store_lock(store, LOCK_MODE_SHARED, err)) < 0)
		r = lock;
	if (r == 0)
		r = layer_batch_place(batch, err);
	if (r == 0)
		r = add_image(&commit, batch, &layer, id, err);
	if (r == 0 && options->iidfile)
		r = output_write(options->iidfile, id, err);
	if (r < 0)
		return r;
	printf("%s\n", id);
	return 0;
}

const struct cli_command cmd_commit = {
    .name = "commit",
    .summary = "Make an image of a container",
    .usage = "[OPTIONS] CONTAINER [NAME[:TAG]]",
    .description =
	"Makes an image of a container, running or not: the layers of its image, and one of what it has changed. It "
	"gets the "
	"container's command, environment and so on. What is mounted into the container (volumes) is not part of it.",
    .examples = "coracle commit -m 'with curl' web web:curl\ncoracle commit -c 'CMD [\"nginx\"]' web",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = run,
};
