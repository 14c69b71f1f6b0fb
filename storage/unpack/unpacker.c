/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child process: it enters the user namespace, says so, and then answers one request after another on a socket
 * until the other end is closed. With a request come the descriptors to work with. The child dies with its parent.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "pkg/descriptors/descriptors.h"
#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"
#include "storage/unpack/layer.h"
#include "storage/unpack/watch.h"

#define NAME_MAX_SENT     256
#define MOVED_INTERVAL_MS 150
#define WRITE_INTERVALS   14 /* of those: about two seconds */

struct unpacker {
	struct store *store;
	struct id_mapping mapping;
	pid_t pid;
	int socket;
	int gate; /* 0: none */
	struct watch *watch;
};

enum { FD_BLOB, FD_GROWTH, FD_DIFF, FD_KEPT, FD_RECIPE, FD_COUNT };

struct message_request {
	bool discard; /* nothing but: empty the two directories */
	bool growing; /* otherwise FD_GROWTH is nothing */
	int64_t offset, length;
	bool has_blob_digest, has_diff_id;
	char blob_digest[DIGEST_TEXT_MAX], diff_id[DIGEST_TEXT_MAX];
	char name[NAME_MAX_SENT];
};

struct message_reply {
	int result;
	bool xattrs;
	struct unpack_result unpacked;
	struct error error;
};

/* ---- the child ---- */
/* Receives a request with its descriptors: 1; 0 at the end. */
static int receive_request(int socket, struct message_request *request, int fds[FD_COUNT])
{
	size_t count;
	ssize_t n = descriptors_receive(socket, request, sizeof(*request), fds, FD_COUNT, &count, 0);
	/* Less than all: the parent is at its end, or we are at that of our open files; the process ends with them. */
	if (n != sizeof(*request) || count != FD_COUNT)
		return 0;
	return 1;
}

static void answer_request(const struct unpacker *unpacker, const struct message_request *request,
			   const int fds[FD_COUNT], struct message_reply *reply)
{
	struct stream *blob;
	if (request->discard) {
		unpack_discard(fds[FD_DIFF]);
		unpack_discard(fds[FD_KEPT]);
		return;
	}
	struct unpack_target target = {fds[FD_DIFF], fds[FD_KEPT], fds[FD_RECIPE],
				       unpacker->mapping.single ? NULL : &unpacker->mapping, unpacker->gate};
	reply->result =
	    request->growing
		? stream_open_growing(fds[FD_BLOB], fds[FD_GROWTH], request->name, &blob, &reply->error)
		: stream_open_fd(fds[FD_BLOB], request->offset, request->length, request->name, &blob, &reply->error);
	if (reply->result < 0)
		return;
	blob = watch_stream(unpacker->watch, blob);
	reply->result = unpack_layer(&target, blob, request->has_blob_digest ? request->blob_digest : NULL,
				     request->has_diff_id ? request->diff_id : NULL, &reply->unpacked, &reply->xattrs,
				     &reply->error);
}

static int send_reply(int socket, const struct message_reply *reply)
{
	return send(socket, reply, sizeof(*reply), MSG_NOSIGNAL) == sizeof(*reply) ? 0 : -1;
}

static void serve(const struct unpacker *unpacker, int socket, pid_t parent)
{
	struct message_reply reply = {0};
	struct message_request request;
	int fds[FD_COUNT];
	umask(0);
	if (!unpacker->mapping.single)
		reply.result = userns_enter(unpacker->store->run_fd, &unpacker->mapping, &reply.error);
	/* After entering, which makes the kernel forget it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || send_reply(socket, &reply) < 0 || reply.result < 0)
		return;
	while (receive_request(socket, &request, fds) > 0) {
		reply = (struct message_reply){0};
		answer_request(unpacker, &request, fds, &reply);
		for (int i = 0; i < FD_COUNT; i++)
			close(fds[i]);
		if (send_reply(socket, &reply) < 0)
			break;
	}
	if (!unpacker->mapping.single)
		userns_withdraw(unpacker->store->run_fd, &unpacker->mapping);
}

/* ---- the parent ---- */
static int receive_reply(struct unpacker *unpacker, struct message_reply *reply, struct error *err)
{
	ssize_t n;
	do {
		n = recv(unpacker->socket, reply, sizeof(*reply), 0);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(*reply))
		return error_set(err, EIO, "the process that unpacks layers died");
	if (reply->result < 0 && err)
		*err = reply->error;
	return reply->result;
}

static int start(struct store *store, const struct id_mapping *mapping, int gate, struct unpacker **ret, struct error *err)
{
	auto_unpacker struct unpacker *unpacker = xcalloc(1, sizeof(*unpacker));
	struct message_reply reply;
	int pair[2];
	unpacker->store = store;
	unpacker->mapping = *mapping;
	unpacker->socket = -1;
	unpacker->gate = gate;
	unpacker->watch = watch_new();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "make a socket");
	auto_close int other = pair[1];
	unpacker->socket = pair[0];
	pid_t parent = getpid();
	unpacker->pid = fork();
	if (unpacker->pid < 0)
		return error_sys(err, errno, "start the process that unpacks layers");
	if (unpacker->pid == 0) {
		/* Without the others' sockets, whose end they would never see, and without locks. */
		close_fds_except(3, (const int[]){other, store->run_fd, gate}, gate > 0 ? 3 : 2);
		serve(unpacker, other, parent);
		_exit(0);
	}
	close(other);
	other = -1;
	int r = receive_reply(unpacker, &reply, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(unpacker);
	return 0;
}

int unpacker_start(struct store *store, int gate, struct unpacker **ret, struct error *err)
{
	struct id_mapping mapping;
	int r = store_mapping(store, &mapping, err);
	if (r < 0)
		return r;
	r = start(store, &mapping, gate, ret, err);
	if (!store_mapping_refused(store, r, &mapping))
		return r;
	error_clear(err);
	return start(store, &mapping, gate, ret, err);
}

void unpacker_free(struct unpacker *unpacker)
{
	int status;
	if (unpacker->socket >= 0)
		close(unpacker->socket);
	if (unpacker->pid > 0)
		process_wait(unpacker->pid, &status);
	watch_free(unpacker->watch);
	free(unpacker);
}

static int send_request(struct unpacker *unpacker, const struct message_request *request, const int fds[FD_COUNT],
			struct error *err)
{
	int r = descriptors_send(unpacker->socket, request, sizeof(*request), fds, FD_COUNT, 0);
	return r < 0 ? error_sys(err, r, "reach the process that unpacks layers") : 0;
}

static void make_message(const struct unpack_request *request, struct message_request *ret)
{
	*ret = (struct message_request){.growing = request->growing,
					.offset = request->offset,
					.length = request->length,
					.has_blob_digest = request->blob_digest,
					.has_diff_id = request->diff_id};
	snprintf(ret->blob_digest, sizeof(ret->blob_digest), "%s", request->blob_digest ? request->blob_digest : "");
	snprintf(ret->diff_id, sizeof(ret->diff_id), "%s", request->diff_id ? request->diff_id : "");
	snprintf(ret->name, sizeof(ret->name), "%s", request->name);
}

/* Makes a directory that the unpacker can fill: its own, where the namespace's root is not this user. */
static int make_directory(const struct unpacker *unpacker, int dirfd, const char *name, struct error *err)
{
	const struct id_mapping *mapping = &unpacker->mapping;
	if (mkdirat(dirfd, name, 0755) < 0)
		return error_sys(err, errno, "make %s in the staging directory", name);
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s in the staging directory", name);
	int64_t uid = mapping->single ? -1 : id_map_outside(&mapping->uids, 0),
		gid = mapping->single ? -1 : id_map_outside(&mapping->gids, 0);
	if (uid >= 0 && (uid != geteuid() || gid != getegid()) && geteuid() == 0 &&
	    fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
		return error_sys(err, errno, "give the layer's directory to its owner");
	return TAKE_FD(fd);
}

static int write_layer_json(const struct unpacker *unpacker, int dirfd, const struct message_reply *reply,
			    struct error *err)
{
	auto_json struct json_object *json = json_object_new_object();
	char key[17], created[TEXT_STAMP_MAX];
	id_mapping_key(&unpacker->mapping, key);
	json_add_string(json, "diffID", reply->unpacked.diff_id);
	json_add_int(json, "size", reply->unpacked.size);
	json_add_int(json, "tarSize", reply->unpacked.tar_size);
	json_add_string(json, "mapping", unpacker->mapping.single ? "single" : key);
	json_add_bool(json, "xattrs", reply->xattrs);
	json_add_string(json, "created", format_rfc3339_nano(created, time_now_ns()));
	auto_free char *text = json_text(json, false);
	return file_write_at(dirfd, "layer.json", text, strlen(text), 0644, 0, err);
}

/* While the layer is being unpacked, what is there already goes to the disk now and then: so that little is left for
 * unpack_sync() after a long one, and of what has been fetched little is lost when the power goes. Not often: while the
 * file system writes its journal, nobody makes files. The content of larger ones is on its way at once (layer.c). */
static void write_meanwhile(const struct unpacker *unpacker, const struct unpack_request *request, int fd)
{
	struct pollfd reply = {.fd = unpacker->socket, .events = POLLIN};
	for (int intervals = 1; poll(&reply, 1, MOVED_INTERVAL_MS) == 0; intervals++) {
		if (request->moved)
			request->moved(request->moved_data, watch_count(unpacker->watch));
		if (intervals % WRITE_INTERVALS == 0)
			syncfs(fd); /* what fails is found by unpack_sync() */
	}
}

int unpacker_layer(struct unpacker *unpacker, struct stage *stage, const struct unpack_request *request,
		   struct unpack_result *ret, struct error *err)
{
	struct message_request message;
	struct message_reply reply;
	auto_close int diff = make_directory(unpacker, stage->fd, "diff", err);
	if (diff < 0)
		return diff;
	auto_close int kept = make_directory(unpacker, stage->fd, "kept", err);
	if (kept < 0)
		return kept;
	auto_close int recipe = openat(stage->fd, "recipe", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (recipe < 0)
		return error_sys(err, errno, "make the layer's recipe");
	const int fds[FD_COUNT] = {request->fd, request->growing ? request->growth : request->fd, diff, kept, recipe};
	make_message(request, &message);
	int r = send_request(unpacker, &message, fds, err);
	if (r == 0)
		write_meanwhile(unpacker, request, diff);
	if (r == 0)
		r = receive_reply(unpacker, &reply, err);
	if (r == 0)
		r = write_layer_json(unpacker, stage->fd, &reply, err);
	if (r < 0)
		return r;
	unlinkat(stage->fd, "kept", AT_REMOVEDIR); /* stays when there is something in it */
	*ret = reply.unpacked;
	return 0;
}

void unpacker_discard(struct unpacker *unpacker, struct stage *stage)
{
	struct message_reply reply;
	auto_close int diff = openat(stage->fd, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int kept = openat(stage->fd, "kept", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int fds[FD_COUNT] = {diff, diff, diff, kept >= 0 ? kept : diff, diff};
	if (diff >= 0 && send_request(unpacker, &(struct message_request){.discard = true}, fds, NULL) == 0)
		receive_reply(unpacker, &reply, NULL);
}

int unpack_sync(int fd, struct error *err)
{
	return syncfs(fd) < 0 ? error_sys(err, errno, "write the layers to the disk") : 0;
}
