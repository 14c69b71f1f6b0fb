/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/list/push.h"

#include <string.h>

#include "storage/list/internal.h"
#include "storage/push/sign.h"

struct pushing {
	const struct list_push_request *request;
	struct store *store;
	struct manifest_list *list;
	struct reference target;
	char *repository; /* of the target */
	struct remote remote;
	struct json_object *index; /* as it will be pushed */
	bool docker;
};

static void pushing_free(struct pushing *pushing)
{
	if (pushing->list)
		list_free(pushing->list);
	reference_free(&pushing->target);
	free(pushing->repository);
	remote_close(&pushing->remote);
	json_object_put(pushing->index);
}

static struct remote_options remote_options(const struct push_request *request)
{
	return (struct remote_options){
	    request->authfile,   request->username, request->password,     request->certificate_directory,
	    request->tls_verify, request->retries,  request->retry_delay_s};
}

/* Name and password of the command line are for where the list goes, and for an image's own registry only where that
 * is the same one. */
static struct pull_request pull_options(const struct push_request *request, const char *source, const char *target)
{
	const char *name = text_starts_with(source, "docker://") ? source + strlen("docker://") : source;
	size_t length = strlen(target);
	bool same = strncmp(name, target, length) == 0 && name[length] == '/';
	return (struct pull_request){.authfile = request->authfile,
				     .username = same ? request->username : NULL,
				     .password = same ? request->password : NULL,
				     .certificate_directory = request->certificate_directory,
				     .tls_verify = request->tls_verify,
				     .retries = request->retries,
				     .retry_delay_s = request->retry_delay_s};
}

/* ---- where to ---- */

static int open_target(struct pushing *pushing, struct error *err)
{
	const struct push_request *images = &pushing->request->images;
	const char *text = images->destination ? images->destination : pushing->list->name;
	const struct remote_options options = remote_options(images);
	if (!text)
		return error_set(err, EINVAL,
				 "the list %.12s was not given by a name; say where it is to go: coracle manifest push "
				 "%s DESTINATION",
				 pushing->list->id, pushing->request->name);
	int r = remote_name(text, &text, err);
	if (r == 0)
		r = reference_parse(text, &pushing->target, err);
	if (r < 0)
		return r;
	if (pushing->target.digest)
		return error_set(err, EINVAL, "a list cannot be pushed to a digest: \"%s\"; give a tag", text);
	reference_normalize_docker(&pushing->target);
	pushing->repository = reference_repository(&pushing->target);
	return remote_open_target(&pushing->target, &options, &pushing->remote, err);
}

/* ---- the images ---- */

static int sign(struct pushing *pushing, const char *digest, struct error *err)
{
	const struct push_request *images = &pushing->request->images;
	if (!images->sign_by_sigstore)
		return 0;
	return push_signature(&pushing->remote, &pushing->target, digest, images->sign_by_sigstore,
			      images->passphrase_file, err);
}

/* What was pushed can have another manifest than what is here. */
static int take_manifest(struct pushing *pushing, const char *digest, struct json_object *descriptor, struct error *err)
{
	auto_registry_manifest struct registry_manifest manifest = {0};
	int r = registry_manifest_get(pushing->remote.registry, pushing->remote.repository, digest, MANIFEST_SIZE_MAX,
				      &manifest, err);
	if (r < 0)
		return r;
	json_add_string(descriptor, "mediaType", manifest.media_type);
	json_add_string(descriptor, "digest", digest);
	json_add_int(descriptor, "size", (int64_t)manifest.length);
	return 0;
}

static int push_image(struct pushing *pushing, const char *digest, struct json_object *descriptor, struct error *err)
{
	struct push_request request = pushing->request->images;
	char id[65], pushed[DIGEST_TEXT_MAX];
	int r = image_find_manifest(pushing->store, digest, id, err);
	if (r == 0)
		r = error_set(
		    err, ENOENT,
		    "the image %s of the list is no longer here; 'coracle manifest remove' takes it from the list",
		    digest);
	if (r < 0)
		return r;
	request.name = id;
	request.destination = pushing->repository;
	request.untagged = true;
	request.sign_by_sigstore = NULL;
	r = image_push(pushing->store, &request, pushed, err);
	if (r == 0)
		r = take_manifest(pushing, pushed, descriptor, err);
	return r < 0 ? r : sign(pushing, pushed, err);
}

static int push_entry(struct pushing *pushing, size_t i, struct error *err)
{
	auto_list_entry struct list_entry entry = {0};
	const char *source = NULL;
	int r = list_entry_of(pushing->index, i, &entry, err);
	if (r == 0)
		r = json_get_string(pushing->list->sources, entry.digest, &source, err);
	if (r < 0)
		return r;
	if (!source)
		return push_image(pushing, entry.digest,
				  json_object_array_get_idx(json_object_object_get(pushing->index, "manifests"), i),
				  err);
	const struct pull_request from = pull_options(&pushing->request->images, source, pushing->target.domain);
	r = list_copy(&from, source, entry.digest, &pushing->remote, err);
	return r < 0 ? error_context(err, "%s@%s", source, entry.digest) : sign(pushing, entry.digest, err);
}

/* ---- the whole ---- */

static int push_index(struct pushing *pushing, char *ret_digest, struct error *err)
{
	auto_free char *text = list_text(pushing->index, pushing->docker);
	int r = digest_of(text, strlen(text), ret_digest, err);
	if (r == 0)
		r = registry_manifest_put(pushing->remote.registry, pushing->remote.repository, pushing->target.tag,
					  pushing->docker ? LIST_TYPE_DOCKER : MEDIA_TYPE_OCI_INDEX, text, strlen(text),
					  err);
	return r < 0 ? r : sign(pushing, ret_digest, err);
}

static int push_all(struct pushing *pushing, char *ret_digest, struct error *err)
{
	size_t count = json_object_array_length(json_object_object_get(pushing->index, "manifests"));
	int r = 0;
	for (size_t i = 0; r == 0 && !pushing->request->index_only && i < count; i++)
		r = push_entry(pushing, i, err);
	return r < 0 ? r : push_index(pushing, ret_digest, err);
}

int list_push(struct store *store, const struct list_push_request *request, char *ret_digest, struct error *err)
{
	CLEANUP(pushing_free) struct pushing pushing = {.request = request, .store = store};
	pushing.docker = request->images.format && strcmp(request->images.format, "v2s2") == 0;
	int r = list_read(store, request->name, &pushing.list, err);
	if (r == 0)
		r = open_target(&pushing, err);
	if (r < 0)
		return r;
	if (json_object_deep_copy(pushing.list->index, &pushing.index, NULL) < 0)
		return error_sys(err, ENOMEM, "push the list");
	r = push_all(&pushing, ret_digest, err);
	return r < 0 ? error_context(err, "%s", pushing.repository) : 0;
}
