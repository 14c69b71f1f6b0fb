/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "src/commands.h"
#include "src/session.h"
#include "src/transport/output.h"
#include "storage/layer/hold.h"
#include "storage/save/save.h"

struct options {
	const char *format, *output;
	bool compress, uncompressed, many, quiet;
};

static const struct cli_option table[] = {
    {0, "compress", CLI_FLAG, offsetof(struct options, compress), NULL,
     "Compress the layers, with --format docker-dir"},
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT",
     "docker-archive (the default), oci-archive, or the directories docker-dir and oci-dir",
     .values = "docker-archive|oci-archive|docker-dir|oci-dir"},
    {'m', "multi-image-archive", CLI_FLAG, offsetof(struct options, many), NULL,
     "All arguments are images, and not further names of the first one"},
    {'o', "output", CLI_STRING, offsetof(struct options, output), "FILE",
     "Write to FILE, or to a directory, instead of standard output", .complete = CLI_COMPLETE_FILE},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print no progress"},
    {0, "uncompressed", CLI_FLAG, offsetof(struct options, uncompressed), NULL,
     "Do not compress the layers of oci-archive and oci-dir"},
    CLI_OPTIONS_END,
};

struct work {
	struct store *store;
	struct save_request request;
	struct save_image *images;
	size_t count;
	bool quiet;
};

static void work_free(struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		save_image_free(&work->images[i]);
	free(work->images);
}

/* ---- what is asked for ---- */
static enum save_format format_of(const struct options *options)
{
	static const char *const names[] = {[SAVE_DOCKER_ARCHIVE] = "docker-archive",
					    [SAVE_OCI_ARCHIVE] = "oci-archive",
					    [SAVE_OCI_DIR] = "oci-dir",
					    [SAVE_DOCKER_DIR] = "docker-dir"};
	enum save_format format = SAVE_DOCKER_ARCHIVE;
	for (size_t i = 0; options->format && i < ARRAY_SIZE(names); i++)
		if (strcmp(options->format, names[i]) == 0)
			format = (enum save_format)i;
	return format;
}

static int check_options(const struct options *options, enum save_format format, struct error *err)
{
	bool directory = format == SAVE_DOCKER_DIR || format == SAVE_OCI_DIR;
	bool oci = format == SAVE_OCI_ARCHIVE || format == SAVE_OCI_DIR;
	struct stat st;
	if (options->compress && format != SAVE_DOCKER_DIR)
		return error_set(err, EINVAL, "--compress is for --format docker-dir only");
	if (options->uncompressed && !oci)
		return error_set(err, EINVAL, "--uncompressed is for --format oci-archive and oci-dir only");
	if (options->many && format != SAVE_DOCKER_ARCHIVE)
		return error_set(err, EINVAL, "several images can be saved to a docker-archive only, not to %s",
				 options->format);
	if (directory && !options->output)
		return error_set(err, EINVAL, "--format %s needs a directory to save to; name it with -o",
				 options->format);
	/* Elsewhere this would add the image to the archive, and is refused too. */
	if (format == SAVE_DOCKER_ARCHIVE && options->output && stat(options->output, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size > 0)
		return error_set(err, EEXIST, "%s is there already, and an archive cannot be added to; remove it first",
				 options->output);
	return 0;
}

static int add_name(struct save_image *image, const char *text, struct error *err)
{
	auto_reference struct reference reference = {0};
	int r = reference_parse(text, &reference, err);
	if (r < 0)
		return r;
	reference_normalize_local(&reference);
	auto_free char *name = reference_text(&reference);
	if (reference.tag && !reference.digest && !strv_contains(&image->names, name))
		strv_add(&image->names, name);
	return 0;
}

/* An image given twice, or by two names, is in the archive once. */
static int add_image(struct work *work, const char *text, struct error *err)
{
	auto_image struct image *image = NULL;
	int r = image_find_instance(work->store, text, &image, err);
	if (r < 0)
		return r;
	size_t index = 0;
	while (index < work->count && strcmp(work->images[index].id, image->id) != 0)
		index++;
	struct save_image *saved = &work->images[index];
	if (index == work->count) {
		work->count++;
		r = save_image_read(work->store, image, saved, err);
	}
	return r < 0 || !image->found_name ? r : add_name(saved, image->found_name, err);
}

/* Further arguments are further names, as podman has it; one that is another image is an image, as docker has it. */
static int collect(struct work *work, const struct options *options, const struct strv *arguments, struct error *err)
{
	work->images = xcalloc(arguments->count, sizeof(*work->images));
	int r = add_image(work, arguments->items[0], err);
	for (size_t i = 1; r == 0 && i < arguments->count; i++) {
		auto_image struct image *image = NULL;
		bool other = work->request.format == SAVE_DOCKER_ARCHIVE &&
			     image_find(work->store, arguments->items[i], &image, NULL) == 0;
		r = options->many || other ? add_image(work, arguments->items[i], err)
					   : add_name(&work->images[0], arguments->items[i], err);
	}
	work->request.images = work->images;
	work->request.count = work->count;
	return r;
}

/* What is saved is read now, or held: *ret_lock is to be kept only where that cannot be. */
static int take_images(struct work *work, const struct options *options, const struct strv *arguments,
		       struct store *holding, int *ret_lock, struct error *err)
{
	bool all_held = true;
	auto_close int lock = store_lock(work->store, LOCK_MODE_SHARED, err);
	int r = lock < 0 ? lock : collect(work, options, arguments, err);
	for (size_t i = 0; r >= 0 && i < work->count; i++) {
		r = layers_hold(holding, &work->images[i].layers, err);
		all_held &= r > 0;
	}
	if (r >= 0 && !all_held)
		*ret_lock = TAKE_FD(lock);
	return r < 0 ? r : 0;
}

/* ---- saving ---- */
static int save(void *data, struct error *err)
{
	struct work *work = data;
	auto_progress struct progress *progress = work->quiet ? NULL : progress_begin(STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL); /* who reads no more wants no more */
	work->request.progress = progress;
	return image_save(work->store, &work->request, err);
}

/* A file without a name. */
static int open_spool(struct store *store, struct stage *stage, struct error *err)
{
	int r = store_stage(store, stage, err);
	if (r < 0)
		return r;
	int fd = openat(stage->fd, "spool", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(err, errno, "make a file for compressed layers");
	unlinkat(stage->fd, "spool", 0);
	return fd;
}

static int open_directory(const char *path, struct error *err)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make %s", path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open %s", path) : fd;
}

static int save_to(struct work *work, const struct options *options, struct error *err)
{
	auto_output struct output output = OUTPUT_INIT;
	auto_stage struct stage stage = STAGE_INIT;
	auto_close int directory = -1, spool = -1;
	bool to_directory = work->request.format == SAVE_DOCKER_DIR || work->request.format == SAVE_OCI_DIR;
	int r;
	if (to_directory)
		r = directory = open_directory(options->output, err);
	else
		r = output_open(options->output, "save", &output, err);
	if (r >= 0 && work->request.compress)
		r = spool = open_spool(work->store, &stage, err);
	if (r < 0)
		return r;
	work->request.fd = to_directory ? directory : output.fd;
	work->request.spool_fd = spool;
	r = store_run_mapped(work->store, save, work, err);
	return r < 0 || to_directory ? r : output_finish(&output, err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	enum save_format format = format_of(options);
	bool oci = format == SAVE_OCI_ARCHIVE || format == SAVE_OCI_DIR;
	CLEANUP(work_free)
	struct work work = {
	    .quiet = options->quiet,
	    .request = {.format = format,
			.compress = oci ? !options->uncompressed : options->compress,
			.originals = !options->uncompressed},
	};
	int r = check_options(options, format, err);
	if (r == 0)
		r = session_store(context, &store, err);
	if (r < 0)
		return r;
	work.store = store;
	auto_holding struct store *holding = store;
	auto_close int lock = -1;
	r = take_images(&work, options, &context->arguments, holding, &lock, err);
	return r < 0 ? r : save_to(&work, options, err);
}

const struct cli_command cmd_save = {
    .name = "save",
    .summary = "Save images to an archive",
    .usage = "[OPTIONS] IMAGE [IMAGE|NAME...]",
    .description = "Writes an image, with all its layers, to an archive or a directory from which \"load\", docker, "
		   "podman and skopeo read it. The "
		   "image keeps its id. Further arguments are further images; those that name none are further names "
		   "of the first one.",
    .examples = "coracle save -o busybox.tar busybox\ncoracle save web | ssh host podman load\ncoracle save --format "
		"oci-dir -o layout web",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
