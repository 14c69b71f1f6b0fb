/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/plan/mount_request.h"

#include <errno.h>
#include <string.h>

void mount_request_clear(struct mount_request *request)
{
	char *const texts[] = {request->shown, request->source, request->destination, request->upper,
			       request->work,  request->idmap,  request->subpath,     request->driver};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	strv_free(&request->options);
	strv_free(&request->labels);
	strv_free(&request->volume_options);
	*request = (struct mount_request){0};
}

void mount_requests_free(struct mount_requests *requests)
{
	for (size_t i = 0; i < requests->count; i++)
		mount_request_clear(&requests->items[i]);
	free(requests->items);
	*requests = (struct mount_requests){0};
}

bool mount_requests_have(const struct mount_requests *requests, const char *destination)
{
	for (size_t i = 0; i < requests->count; i++)
		if (strcmp(requests->items[i].destination, destination) == 0)
			return true;
	return false;
}

int mount_requests_add(struct mount_requests *requests, struct mount_request *request, struct error *err)
{
	if (mount_requests_have(requests, request->destination))
		return error_set(err, EINVAL, "%s: something else is to be mounted at %s already", request->shown,
				 request->destination);
	requests->items = xrealloc(requests->items, (requests->count + 1) * sizeof(*requests->items));
	requests->items[requests->count++] = *request;
	*request = (struct mount_request){0};
	return 0;
}

char *mount_destination(const char *text)
{
	size_t length = strlen(text);
	while (length > 1 && text[length - 1] == '/')
		length--;
	if (*text != '/' || length < 2)
		return NULL;
	return xstrndup(text, length);
}

static bool is_propagation(const char *word)
{
	return text_ends_with(word, "private") || text_ends_with(word, "shared") || text_ends_with(word, "slave") ||
	       text_ends_with(word, "unbindable");
}

static int check_options(const struct mount_request *request, struct error *err)
{
	static const char *const pairs[][2] = {{"ro", "rw"}, {"exec", "noexec"}, {"suid", "nosuid"}, {"dev", "nodev"}};
	const char *propagation = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (strv_contains(&request->options, pairs[i][0]) && strv_contains(&request->options, pairs[i][1]))
			return error_set(err, EINVAL, "%s: %s and %s contradict each other", request->shown,
					 pairs[i][0], pairs[i][1]);
	for (size_t i = 0; i < request->options.count; i++) {
		if (!is_propagation(request->options.items[i]))
			continue;
		if (propagation)
			return error_set(err, EINVAL, "%s: %s and %s contradict each other", request->shown,
					 propagation, request->options.items[i]);
		propagation = request->options.items[i];
	}
	return 0;
}

int mount_request_check(const struct mount_request *request, struct error *err)
{
	if (request->overlay && (strv_contains(&request->options, "ro") || strv_contains(&request->options, "rw")))
		return error_set(err, EINVAL, "%s: O is writable, and nothing of it stays: leave ro and rw out",
				 request->shown);
	if (!request->overlay && (request->upper || request->work))
		return error_set(err, EINVAL, "%s: upperdir and workdir belong to O", request->shown);
	if (!request->upper != !request->work)
		return error_set(err, EINVAL, "%s: give both upperdir and workdir", request->shown);
	if (request->overlay && request->kind == MOUNT_VOLUME && !request->source)
		return error_set(err, EINVAL, "%s: O needs a source", request->shown);
	return check_options(request, err);
}
