/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies, as others send and receive them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "libpod/network/keeper/keeper.h"
#include "pkg/descriptors/descriptors.h"

static int was_killed(struct error *err)
{
	return error_set(err, ECONNRESET, "the networks' keeper was killed, again and again");
}

int keeper_send(int fd, const struct keeper_request *request, const int *fds, size_t count, struct error *err)
{
	int r = descriptors_send(fd, request, keeper_request_size(request), fds, count, 0);
	if (r == -EPIPE || r == -ECONNRESET)
		return was_killed(err);
	return r < 0 ? error_sys(err, r, "talk to the networks' keeper") : 0;
}

int keeper_receive(int fd, struct keeper_reply *ret, struct error *err)
{
	ssize_t n;
	do {
		n = recv(fd, ret, sizeof(*ret), 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return was_killed(err);
	if (n < 0)
		return error_sys(err, errno, "talk to the networks' keeper");
	if ((size_t)n < offsetof(struct keeper_reply, given) || ret->magic != KEEPER_MAGIC ||
	    ret->count > KEEPER_NETWORKS_MAX || (size_t)n != keeper_reply_size(ret))
		return error_set(
		    err, EPROTO,
		    "the networks' keeper is of another version; it ends with the last container on a network");
	ret->text[sizeof(ret->text) - 1] = '\0';
	return ret->errnum ? error_set(err, ret->errnum, "%s", ret->text) : 0;
}

void keeper_listing_free(struct keeper_listing *listing)
{
	free(listing->items);
	*listing = (struct keeper_listing){0};
}

static int list_once(int run_fd, const char *id, struct keeper_listing *ret, struct error *err)
{
	auto_keeper_listing struct keeper_listing listing = {0};
	auto_close int fd = keeper_connect(run_fd, err);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	auto_free struct keeper_request *request = xcalloc(1, sizeof(*request));
	auto_free struct keeper_reply *reply = xcalloc(1, sizeof(*reply));
	request->magic = KEEPER_MAGIC;
	request->verb = KEEPER_LIST;
	snprintf(request->id, sizeof(request->id), "%s", id ? id : "");
	int r = keeper_send(fd, request, NULL, 0, err);
	while (r == 0 && (r = keeper_receive(fd, reply, err)) == 0 && reply->count) {
		if ((listing.count & (listing.count - 1)) == 0)
			listing.items =
			    xrealloc(listing.items, (listing.count ? 2 * listing.count : 1) * sizeof(*listing.items));
		listing.items[listing.count++] = reply->given[0];
	}
	if (r < 0)
		return r;
	*ret = listing;
	listing = (struct keeper_listing){0};
	return 0;
}

int keeper_list(int run_fd, const char *id, struct keeper_listing *ret, struct error *err)
{
	int r = list_once(run_fd, id, ret, err);
	/* It was killed while it answered: then there is another one, or none. */
	for (int i = 0; r == -ECONNRESET && i < KEEPER_TRIES; i++) {
		error_clear(err);
		r = list_once(run_fd, id, ret, err);
	}
	return r;
}
