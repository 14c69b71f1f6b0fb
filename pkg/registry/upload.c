/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing blobs: distribution specification 1.1, "Pushing blobs". An upload is opened (POST), which gives an address;
 * it gets the bytes (PATCH), each answer giving the address for what follows; and is closed with the digest (PUT),
 * which is when the blob is there. One that fails is withdrawn (DELETE), as far as that can be done.
 *
 * Each of these requests may be answered with a redirect, to another host, before its body was read or after. What
 * comes from a source cannot be sent twice: when a part of it is on its way by then, the upload begins anew, in pieces,
 * which are in memory. And a server that does not want the body may close the connection on it, so that the answer is
 * lost: after a connection that broke, it is asked first.
 */
#include <inttypes.h>
#include <string.h>

#include "pkg/registry/internal.h"

#define REDIRECTED_PIECE (4LL * 1024 * 1024)
#define PIECE_MAX (256LL * 1024 * 1024) /* as much as a registry can make us keep in memory */

struct session {
	struct registry *registry;
	const struct registry_upload *upload;
	const char *repository;
	char *scope, *what;
	char *location;   /* NULL: nothing is open */
	int64_t position; /* bytes that the registry has */
	int64_t piece;    /* bytes of one PATCH */
};

static struct call make_call(const struct session *session, const char *method, const char *url)
{
	return (struct call){.what = session->what,
			     .scope = session->scope,
			     .request = {.method = method, .url = url, .follow = true}};
}

static void withdraw(struct session *session)
{
	auto_answer struct answer answer = {0};
	if (!session->location)
		return;
	struct call call = make_call(session, "DELETE", session->location);
	struct trial trial;
	registry_try(session->registry, &call, &answer.exchange, &trial, NULL);
	free(TAKE_PTR(session->location));
}

static void session_clear(struct session *session)
{
	withdraw(session);
	free(session->scope);
	free(session->what);
}

static int take_location(struct session *session, const struct http_exchange *exchange, struct error *err)
{
	const char *location = http_header(exchange, "Location");
	char *url = NULL;
	int r = location ? http_resolve(http_url(exchange), location, &url, err)
			 : error_set(err, EPROTO, "it does not say where to");
	if (r < 0)
		return error_context(err, "%s: %s", session->registry->name, session->what);
	free(session->location);
	session->location = url;
	return 0;
}

/* ---- opening ---- */

static int open_session(struct session *session, struct error *err)
{
	auto_answer struct answer answer = {0};
	auto_free char *url = xasprintf("/v2/%s/blobs/uploads/", session->repository);
	struct call call = make_call(session, "POST", url);
	int r = registry_call(session->registry, &call, &answer, err);
	if (r < 0 || (r = take_location(session, answer.exchange, err)) < 0)
		return r;
	int64_t least;
	const char *text = http_header(answer.exchange, "OCI-Chunk-Min-Length");
	session->piece = session->upload->chunk;
	if (session->piece <= 0 && session->registry->in_pieces)
		session->piece = REDIRECTED_PIECE;
	if (session->piece > 0 && text && parse_int64(text, "length", 0, PIECE_MAX, &least, NULL) == 0 &&
	    least > session->piece)
		session->piece = least;
	return 0;
}

/* The error as it is, for a caller who can begin again. */
static int begin_anew(struct error *err)
{
	if (err)
		err->errnum = EAGAIN;
	return -EAGAIN;
}

static void learn(struct registry *registry, int r)
{
	if (r == -ECONNRESET)
		registry->ask_first = true;
}

/* ---- all in one ---- */

/* Only a source of which nothing was read can be sent a second time. */
static int send_source(struct session *session, struct call *call, struct http_exchange **ret, struct error *err)
{
	struct trial trial;
	struct http_request *request = &call->request;
	request->source = session->upload->source;
	request->source_size = session->upload->size;
	request->ask_first = session->registry->ask_first;
	request->progress = session->upload->progress;
	request->userdata = session->upload->userdata;
	int r = registry_try(session->registry, call, ret, &trial, err);
	learn(session->registry, r);
	if (r < 0 && trial.redirected) {
		session->registry->in_pieces = true;
		return begin_anew(err);
	}
	return r < 0 && trial.transient ? begin_anew(err) : r;
}

static int put_whole(struct session *session, struct error *err)
{
	auto_answer struct answer answer = {0};
	auto_strv struct strv headers = STRV_INIT;
	auto_free char *url =
	    http_add_query(session->location, "digest", session->upload->digest(session->upload->userdata));
	struct call call = make_call(session, "PUT", url);
	strv_add(&headers, "Content-Type: application/octet-stream");
	call.request.headers = &headers;
	return send_source(session, &call, &answer.exchange, err);
}

static int patch_whole(struct session *session, struct error *err)
{
	auto_answer struct answer answer = {0};
	auto_strv struct strv headers = STRV_INIT;
	struct call call = make_call(session, "PATCH", session->location);
	strv_add(&headers, "Content-Type: application/octet-stream");
	call.request.headers = &headers;
	int r = send_source(session, &call, &answer.exchange, err);
	return r < 0 ? r : take_location(session, answer.exchange, err);
}

/* ---- in pieces ---- */

struct piece_progress {
	const struct registry_upload *upload;
	int64_t before;
};

static void report_piece(void *userdata, int64_t sent)
{
	const struct piece_progress *progress = userdata;
	if (progress->upload->progress)
		progress->upload->progress(progress->upload->userdata, progress->before + sent);
}

static int patch_once(struct session *session, const char *data, size_t length, struct trial *ret_trial,
		      struct error *err)
{
	auto_answer struct answer answer = {0};
	auto_strv struct strv headers = STRV_INIT;
	struct piece_progress progress = {session->upload, session->position};
	struct call call = make_call(session, "PATCH", session->location);
	strv_add(&headers, "Content-Type: application/octet-stream");
	strv_addf(&headers, "Content-Range: %" PRId64 "-%" PRId64, session->position,
		  session->position + (int64_t)length - 1);
	call.request.headers = &headers;
	call.request.body = data;
	call.request.body_length = length;
	call.request.ask_first = session->registry->ask_first;
	call.request.progress = report_piece;
	call.request.userdata = &progress;
	int r = registry_try(session->registry, &call, &answer.exchange, ret_trial, err);
	learn(session->registry, r);
	if (r == 0 && (r = take_location(session, answer.exchange, err)) == 0)
		session->position += (int64_t)length;
	return r;
}

/* How much the registry has, after a piece that may have arrived in part: GET at the upload's address, which says
 * "Range: 0-<last>". */
static int ask_position(struct session *session, int64_t *ret, struct error *err)
{
	auto_answer struct answer answer = {0};
	int64_t last;
	struct call call = make_call(session, "GET", session->location);
	int r = registry_call(session->registry, &call, &answer, err);
	if (r < 0)
		return r;
	const char *range = http_header(answer.exchange, "Range");
	if (!range || sscanf(range, "0-%" SCNd64, &last) != 1 || last < 0)
		return error_set(err, EPROTO, "%s: %s: it does not say how far it has come", session->registry->name,
				 session->what);
	if (http_header(answer.exchange, "Location") && (r = take_location(session, answer.exchange, err)) < 0)
		return r;
	/* "0-0" is nothing, as registries have it. */
	*ret = last > 0 ? last + 1 : 0;
	return 0;
}

static int patch_piece(struct session *session, const char *data, size_t length, struct error *err)
{
	struct backoff backoff = {.attempts = session->registry->attempts, .pause_ms = session->registry->pause_ms};
	const int64_t begin = session->position, end = begin + (int64_t)length;
	struct trial trial;
	while (session->position < end) {
		int r = patch_once(session, data + (session->position - begin), (size_t)(end - session->position),
				   &trial, err);
		if (r == 0)
			continue;
		/* 416: it has come to another place than we think, and says where when it is asked. */
		trial.transient |= r == -EBADMSG;
		if (!backoff_wait(&backoff, &trial))
			return trial.transient ? begin_anew(err) : r;
		int64_t position = 0;
		if (ask_position(session, &position, err) < 0 || position < begin || position > end)
			return error_set(err, EAGAIN, "%s: %s: the upload broke and cannot be taken up again",
					 session->registry->name, session->what);
		session->position = position;
	}
	return 0;
}

static int patch_pieces(struct session *session, struct error *err)
{
	auto_free char *data = xmalloc((size_t)session->piece);
	for (;;) {
		ssize_t n = stream_read_full(session->upload->source, data, (size_t)session->piece, err);
		if (n <= 0)
			return (int)n;
		int r = patch_piece(session, data, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

/* ---- closing ---- */

static int close_session(struct session *session, struct error *err)
{
	auto_answer struct answer answer = {0};
	const char *digest = session->upload->digest(session->upload->userdata);
	auto_free char *url = http_add_query(session->location, "digest", digest);
	struct call call = make_call(session, "PUT", url);
	int r = registry_call(session->registry, &call, &answer, err);
	/* When the answer to a first try got lost, a second one finds the upload gone, and the blob there. */
	if (r == -ENOENT && registry_blob_head(session->registry, session->repository, digest, NULL, NULL) == 1)
		return 0;
	return r;
}

static int upload_all(struct session *session, struct error *err)
{
	const struct registry_upload *upload = session->upload;
	int r = open_session(session, err);
	bool whole = upload->size >= 0 && (upload->chunk <= 0 || upload->size <= upload->chunk) &&
		     !session->registry->in_pieces;
	if (r == 0 && whole)
		return put_whole(session, err);
	if (r == 0)
		r = session->piece > 0 ? patch_pieces(session, err) : patch_whole(session, err);
	return r < 0 ? r : close_session(session, err);
}

int registry_blob_upload(struct registry *registry, const char *repository, const struct registry_upload *upload,
			 struct error *err)
{
	int r = registry_check_name(repository, NULL, err);
	if (r < 0)
		return r;
	CLEANUP(session_clear)
	struct session session = {.registry = registry,
				  .upload = upload,
				  .repository = repository,
				  .scope = xasprintf("repository:%s:pull,push", repository),
				  .what = xasprintf("write a blob to %s", repository)};
	r = upload_all(&session, err);
	if (r == 0)
		free(TAKE_PTR(session.location)); /* nothing to withdraw */
	return r;
}

int registry_blob_mount(struct registry *registry, const char *repository, const char *digest,
			const char *from_repository, struct error *err)
{
	auto_answer struct answer answer = {0};
	int r = registry_check_name(repository, digest, err);
	if (r < 0 || (r = registry_check_name(from_repository, NULL, err)) < 0)
		return r;
	CLEANUP(session_clear)
	struct session session = {
	    .registry = registry,
	    .repository = repository,
	    .scope = xasprintf("repository:%s:pull,push repository:%s:pull", repository, from_repository),
	    .what = xasprintf("mount a blob of %s in %s", from_repository, repository)};
	auto_free char *path = xasprintf("/v2/%s/blobs/uploads/", repository),
		       *mount = http_add_query(path, "mount", digest),
		       *url = http_add_query(mount, "from", from_repository);
	struct call call = make_call(&session, "POST", url);
	r = registry_call(registry, &call, &answer, err);
	/* Whoever may not read the one may still write the other. */
	if (r == -EACCES || r == -ENOENT) {
		if (err)
			error_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	if (http_status(answer.exchange) == 201)
		return 1;
	/* An ordinary upload was opened instead; it is withdrawn. */
	take_location(&session, answer.exchange, NULL);
	return 0;
}
