/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the socket: a request is a diff id in a record of fixed size. The answer is pieces, each with its length before
 * it, and behind the last one a length of 0 and how it went.
 */
#include "storage/push/packer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/stream/compress.h"
#include "rootless/userns/userns.h"
#include "storage/layer/hold.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"
#include "storage/recipe/recipe.h"

struct packer {
	struct store *store;
	enum stream_compression compression;
	int level;
	struct id_mapping mapping;
	pid_t pid;
	int socket;
};

struct request {
	char diff_id[DIGEST_TEXT_MAX];
};

struct outcome {
	int result;
	struct error error;
};

/* ---- the child ---- */
static int send_all(int socket, const void *data, size_t length)
{
	const char *from = data;
	while (length > 0) {
		ssize_t n = send(socket, from, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		from += n;
		length -= (size_t)n;
	}
	return 0;
}

static int send_piece(void *userdata, const void *data, size_t length, struct error *err)
{
	const int *socket = userdata;
	uint32_t size = (uint32_t)length;
	if (length == 0)
		return 0;
	int r = send_all(*socket, &size, sizeof(size));
	if (r == 0)
		r = send_all(*socket, data, length);
	return r < 0 ? error_sys(err, r, "pass it on") : 0;
}

static int compress_piece(void *userdata, const void *data, size_t length, struct error *err)
{
	return compressor_write(userdata, data, length, err);
}

/* What is one file has to be mounted, for which even the only id must be root of a namespace. */
static int reveal(const struct packer *packer, const char *diff_id, struct revealed *ret, struct error *err)
{
	auto_free char *tree = NULL;
	auto_strv struct strv layers = STRV_INIT;
	if (layer_held(packer->store, diff_id) >= 0)
		return 0;
	int r = layer_tree_path(packer->store, diff_id, &tree, err);
	if (r < 0 || !layer_is_squashed(tree))
		return r;
	if (packer->mapping.single && (r = userns_enter(packer->store->run_fd, &packer->mapping, err)) < 0)
		return r;
	strv_add(&layers, diff_id);
	return layers_reveal(packer->store, &layers, ret, err);
}

static int pack(const struct packer *packer, int socket, const char *diff_id, struct error *err)
{
	auto_compressor struct compressor *compressor = NULL;
	auto_revealed struct revealed revealed = {0};
	int r = reveal(packer, diff_id, &revealed, err);
	if (r < 0)
		return r;
	auto_close int layer = layer_open(packer->store, diff_id, err);
	if (layer < 0)
		return layer;
	r = compressor_new(packer->compression, packer->level, send_piece, &socket, &compressor, err);
	if (r == 0)
		r = recipe_regenerate(layer, compress_piece, compressor, err);
	if (r == 0)
		r = compressor_finish(compressor, err);
	return r;
}

static int send_outcome(int socket, const struct outcome *outcome)
{
	const uint32_t end = 0;
	int r = send_all(socket, &end, sizeof(end));
	return r < 0 ? r : send_all(socket, outcome, sizeof(*outcome));
}

static void serve(const struct packer *packer, int socket, pid_t parent)
{
	struct outcome outcome = {0};
	struct request request;
	if (!packer->mapping.single)
		outcome.result = userns_enter(packer->store->run_fd, &packer->mapping, &outcome.error);
	/* After entering, which makes the kernel forget it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || send_outcome(socket, &outcome) < 0 || outcome.result < 0)
		return;
	while (read_full(socket, &request, sizeof(request)) == sizeof(request)) {
		outcome = (struct outcome){0};
		outcome.result = pack(packer, socket, request.diff_id, &outcome.error);
		if (send_outcome(socket, &outcome) < 0)
			break;
	}
	if (!packer->mapping.single)
		userns_withdraw(packer->store->run_fd, &packer->mapping);
}

/* ---- the parent ---- */
static int receive(struct packer *packer, void *data, size_t length, struct error *err)
{
	ssize_t n = read_full(packer->socket, data, length);
	return n == (ssize_t)length ? 0 : error_set(err, EIO, "the process that packs layers died");
}

static int receive_outcome(struct packer *packer, struct error *err)
{
	struct outcome outcome;
	int r = receive(packer, &outcome, sizeof(outcome), err);
	if (r == 0 && outcome.result < 0 && err)
		*err = outcome.error;
	return r < 0 ? r : outcome.result;
}

static void close_others(const struct packer *packer, int socket)
{
	const struct store *store = packer->store;
	size_t count = 2;
	auto_free int *keep = xcalloc(2 + store_places(store) + store->held_count, sizeof(*keep));
	keep[0] = socket;
	keep[1] = store->run_fd;
	for (size_t i = 0; i < store_places(store); i++) {
		struct store_place place;
		if (store_place(store, i, &place))
			keep[count++] = place.fd;
	}
	for (size_t i = 0; i < store->held_count; i++)
		keep[count++] = store->held[i].fd;
	close_fds_except(3, keep, count);
}

int packer_start(struct store *store, enum stream_compression compression, int level, struct packer **ret,
		 struct error *err)
{
	auto_packer struct packer *packer = xcalloc(1, sizeof(*packer));
	int pair[2];
	*packer = (struct packer){.store = store, .compression = compression, .level = level, .socket = -1};
	int r = store_mapping(store, &packer->mapping, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "make a socket");
	auto_close int other = pair[1];
	packer->socket = pair[0];
	pid_t parent = getpid();
	packer->pid = fork();
	if (packer->pid < 0)
		return error_sys(err, errno, "start the process that packs layers");
	if (packer->pid == 0) {
		close_others(packer, other);
		serve(packer, other, parent);
		_exit(0);
	}
	close(TAKE_FD(other));
	uint32_t end;
	r = receive(packer, &end, sizeof(end), err);
	if (r == 0)
		r = receive_outcome(packer, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(packer);
	return 0;
}

void packer_free(struct packer *packer)
{
	int status;
	cleanup_close(&packer->socket);
	if (packer->pid > 0)
		process_wait(packer->pid, &status);
	free(packer);
}

/* ---- what comes out ---- */
struct packed {
	struct stream stream;
	struct packer *packer;
	uint32_t left; /* of the piece */
	bool ended;
	int result;
};

static ssize_t packed_read(struct stream *stream, void *data, size_t length, struct error *err)
{
	struct packed *packed = (struct packed *)stream;
	if (packed->ended)
		return packed->result;
	int r = packed->left > 0 ? 0 : receive(packed->packer, &packed->left, sizeof(packed->left), err);
	if (r == 0 && packed->left == 0) {
		packed->ended = true;
		return packed->result = receive_outcome(packed->packer, err);
	}
	if (r == 0 && length > packed->left)
		length = packed->left;
	if (r == 0)
		r = receive(packed->packer, data, length, err);
	if (r < 0) {
		packed->ended = true;
		return packed->result = r;
	}
	packed->left -= (uint32_t)length;
	return (ssize_t)length;
}

static void packed_close(struct stream *stream)
{
	stream_drain(stream, NULL);
	free(stream);
}

int packer_open(struct packer *packer, const char *diff_id, struct stream **ret, struct error *err)
{
	struct request request = {0};
	snprintf(request.diff_id, sizeof(request.diff_id), "%s", diff_id);
	int r = send_all(packer->socket, &request, sizeof(request));
	if (r < 0)
		return error_sys(err, r, "reach the process that packs layers");
	struct packed *packed = xcalloc(1, sizeof(*packed));
	*packed = (struct packed){.stream = {packed_read, NULL, packed_close}, .packer = packer};
	*ret = &packed->stream;
	return 0;
}
