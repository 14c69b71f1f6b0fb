/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's hand: what must be done to volumes and folders with rights that a first process with a user namespace of
 * its own (nested.c) does not have. It cannot walk to the store, and what it finds there belongs to ids that it has no
 * names for.
 *
 * The hand is a process with the caller's rights, made before they are given up, and does what the first process asks
 * over a socket, while that makes its mounts:
 *
 *	FILL    of a volume that nobody has used yet: gives a directory aside, or says that there is nothing to do. The
 *	        first process copies into it what the image has, which only it can see, and with the owners that it sees
 *	FILLED  that is done, or the image has nothing: the volume becomes that
 *	GIVE    all in the folder or volume to the process's user (:U)
 *
 * It is there only where a mount needs it, holds nothing but the socket, and ends with the first process's end of it,
 * which is closed before the program is executed. Who is killed in between leaves what storage/volume/fill.c says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "storage/volume/volume.h"

enum act { FILL, FILLED, GIVE };

struct request {
	enum act act;
	size_t mount; /* which of the specification */
	bool copied;  /* FILLED */
};

struct answer {
	int result;
	bool needed; /* FILL: a descriptor comes with it */
	char text[sizeof(((struct error *)NULL)->text)];
};

/* ---- the hand ---- */
struct hand {
	const struct runtime *runtime;
	struct volume_filling filling;
	uid_t root, uid;
	gid_t root_group, gid;
};

static int begin_filling(struct hand *hand, const struct spec_mount *mount, bool *ret_needed, struct error *err)
{
	volume_filling_clear(&hand->filling);
	int r = volume_filling_begin(mount->source, &hand->filling, err);
	*ret_needed = r == 0 && hand->filling.needed;
	return *ret_needed ? volume_filling_aside(&hand->filling, hand->root, hand->root_group, err) : r;
}

static int end_filling(struct hand *hand, bool copied, struct error *err)
{
	int r = volume_filling_end(&hand->filling, copied, hand->uid, hand->gid, err);
	volume_filling_clear(&hand->filling);
	return r;
}

static int give(const struct hand *hand, const struct spec_mount *mount, struct error *err)
{
	auto_mount_options struct mount_options options = {0};
	int r = mount_options_parse(mount, &options, err);
	return r < 0 ? r : own_give(mount, &options, -1, hand->uid, hand->gid, err);
}

static void answer_one(struct hand *hand, const struct request *request, int socket)
{
	const struct spec *spec = hand->runtime->spec;
	struct error err = ERROR_INIT;
	struct answer answer = {.result = -EINVAL};
	auto_close int fd = -1;
	if (request->mount < spec->mounts_count) {
		const struct spec_mount *mount = &spec->mounts[request->mount];
		if (request->act == FILL)
			answer.result = fd = begin_filling(hand, mount, &answer.needed, &err);
		else
			answer.result =
			    request->act == FILLED ? end_filling(hand, request->copied, &err) : give(hand, mount, &err);
	}
	if (!answer.needed)
		fd = -1; /* a result, no descriptor */
	snprintf(answer.text, sizeof(answer.text), "%s", err.text);
	descriptors_send(socket, &answer, sizeof(answer), &fd, fd >= 0, 0);
}

static _Noreturn void serve(const struct runtime *runtime, int socket)
{
	const struct id_mapping *inner = runtime->inner;
	struct hand hand = {
	    .runtime = runtime,
	    .filling = VOLUME_FILLING_INIT,
	    .root = (uid_t)id_map_outside(&inner->uids, 0),
	    .root_group = (gid_t)id_map_outside(&inner->gids, 0),
	    .uid = (uid_t)id_map_outside(&inner->uids, runtime->spec->process.uid),
	    .gid = (gid_t)id_map_outside(&inner->gids, runtime->spec->process.gid),
	};
	struct request request;
	close_fds_except(0, &socket, 1);
	while (recv(socket, &request, sizeof(request), 0) == sizeof(request))
		answer_one(&hand, &request, socket);
	_exit(0);
}

static bool is_needed(const struct spec *spec)
{
	for (size_t i = 0; i < spec->mounts_count; i++) {
		auto_mount_options struct mount_options options = {0};
		if (mount_options_parse(&spec->mounts[i], &options, NULL) < 0 || !options.bind || options.lowers.count)
			continue;
		if (options.chown || (options.fill && volume_is_fresh(spec->mounts[i].source)))
			return true;
	}
	return false;
}

int hand_make(const struct runtime *runtime, int *ret_socket, struct error *err)
{
	int pair[2];
	if (!runtime->inner || !is_needed(runtime->spec))
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(err, errno, "make a socket");
	auto_close int theirs = pair[0], ours = pair[1];
	pid_t pid = process_clone(0, NULL);
	if (pid == 0)
		serve(runtime, theirs);
	if (pid < 0)
		return error_sys(err, pid, "make a process");
	*ret_socket = TAKE_FD(ours);
	return 0;
}

/* ---- the first process ---- */
static int ask(int socket, const struct request *request, struct answer *ret, int *ret_fd, struct error *err)
{
	int fd = -1;
	size_t count;
	if (descriptors_send(socket, request, sizeof(*request), NULL, 0, 0) < 0 ||
	    descriptors_receive(socket, ret, sizeof(*ret), &fd, 1, &count, 0) != sizeof(*ret))
		return error_set(err, ECHILD, "the process that prepares volumes was killed");
	if (ret_fd)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	ret->text[sizeof(ret->text) - 1] = '\0';
	return ret->result < 0 ? error_set(err, -ret->result, "%s", ret->text) : 0;
}

int hand_fill(int socket, size_t mount, int from, struct error *err)
{
	struct answer answer = {0};
	auto_close int aside = -1;
	int r = ask(socket, &(struct request){.act = FILL, .mount = mount}, &answer, &aside, err);
	if (r < 0 || !answer.needed)
		return r;
	if (from >= 0) {
		auto_close int readable = reopen_fd(from, O_RDONLY | O_DIRECTORY);
		if (readable < 0)
			return error_sys(err, readable, "open what is to be copied into the volume");
		if ((r = tree_copy(readable, aside, err)) < 0)
			return r;
	}
	return ask(socket, &(struct request){.act = FILLED, .mount = mount, .copied = from >= 0}, &answer, NULL, err);
}

int hand_give(int socket, size_t mount, struct error *err)
{
	struct answer answer = {0};
	return ask(socket, &(struct request){.act = GIVE, .mount = mount}, &answer, NULL, err);
}
