/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/stdio/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "libpod/monitor/message.h"
#include "libpod/stdio/relay.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

#define EXIT_CODE_KILLED 137

/* The answers come among the other messages and say nothing that matters: a monitor that is gone is noticed anyway. */
static void pass_signals(const struct signal_proxy *proxy, int control)
{
	for (int number; (number = signal_proxy_next(proxy)) > 0;) {
		struct monitor_request request = {.type = REQUEST_KILL, .signal = number};
		message_send(control, &request, sizeof(request), NULL, 0);
	}
}

static void pass_size(int control)
{
	struct winsize size;
	if (terminal_get_size(STDIN_FILENO, &size) < 0 || !size.ws_row || !size.ws_col)
		return;
	struct monitor_request request = {.type = REQUEST_RESIZE, .rows = size.ws_row, .columns = size.ws_col};
	message_send(control, &request, sizeof(request), NULL, 0);
}

/* Our ends go over to the relay. */
static int connect_streams(struct launch *launch, bool terminal, struct detach_keys *keys, struct relay *relay, struct error *err)
{
	for (int i = 0; i < 3; i++)
		if (launch->stdio[i] >= 0 && fcntl(launch->stdio[i], F_SETFL, O_NONBLOCK) < 0)
			return error_sys(err, errno, "set up the streams");
	if (!terminal) {
		for (int i = 0; i < 3; i++) {
			int fd = TAKE_FD(launch->stdio[i]);
			if (fd >= 0)
				relay->streams[i] = (struct relay_stream){.from = i ? fd : STDIN_FILENO, .to = i ? i : fd};
		}
		return 0;
	}
	/* One socket, both ways; it stays in *launch. */
	int both = launch->stdio[0], socket = both >= 0 ? both : launch->stdio[1];
	if (both >= 0)
		relay->streams[0] = (struct relay_stream){.from = STDIN_FILENO, .to = both, .shared = true, .keys = keys};
	if (socket >= 0)
		relay->streams[1] = (struct relay_stream){.from = socket, .to = STDOUT_FILENO, .shared = true};
	return 0;
}

/* Nothing we could still give it matters to a container that has ended. */
static void end_input(struct relay *relay)
{
	struct relay_stream *input = &relay->streams[0];
	if (input->to > 2 && !input->shared)
		close(input->to);
	free(input->buffer);
	*input = RELAY_NONE;
}

/* Reads one message. 1: the container has ended, with *ret_exit_code. */
static int take_message(struct store *store, const char *id, int control, int *ret_exit_code, struct error *err)
{
	struct monitor_reply reply;
	struct container_state state;
	int r = message_receive(control, &reply, NULL);
	if (r == 0) {
		if (reply.type == REPLY_EXITED)
			*ret_exit_code = reply.exit_code;
		return reply.type == REPLY_EXITED;
	}
	/* It died without a word, and the container with it; with --rm another command may have removed it by now. */
	*ret_exit_code = EXIT_CODE_KILLED;
	r = container_state_after(store, id, &state, NULL);
	if (r == 0)
		*ret_exit_code = state.exit_code;
	else if (r != -ENOENT)
		return error_set(err, EIO, "the monitor of container %.12s died", id);
	return 1;
}

struct session {
	struct relay relay;
	struct terminal_guard guard;
	struct signal_proxy proxy;
};

static void session_end(struct session *session)
{
	terminal_guard_end(&session->guard);
	signal_proxy_end(&session->proxy);
	relay_free(&session->relay);
}

/* What was held back so far is the session's own from now on. */
static void take_over(struct session *session, struct signals_held *held)
{
	if (!held || !held->held)
		return;
	held->held = false;
	if (session->guard.signal_fd >= 0)
		session->guard.mask = held->mask;
	else if (session->proxy.fd >= 0)
		session->proxy.mask = held->mask;
	else
		sigprocmask(SIG_SETMASK, &held->mask, NULL);
}

/* Until all is over: the end is told when all output is in our pipes, and they end behind it. */
static int carry(struct store *store, const char *id, struct launch *launch, struct session *session, enum stdio_end *ret_end, int *ret_exit_code,
		 struct error *err)
{
	enum { CONTROL = RELAY_STREAMS, SIGNALS, SIZES, COUNT };
	bool exited = false;
	for (;;) {
		struct pollfd fds[COUNT];
		if (relay_prepare(&session->relay, fds) == 0 && exited) {
			*ret_end = STDIO_EXITED;
			return 0;
		}
		fds[CONTROL] = (struct pollfd){.fd = exited ? -1 : launch->control, .events = POLLIN};
		fds[SIGNALS] = (struct pollfd){.fd = session->proxy.fd, .events = POLLIN};
		fds[SIZES] = (struct pollfd){.fd = session->guard.signal_fd, .events = POLLIN};
		if (poll(fds, COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_sys(err, errno, "wait for the container");
		}
		if (fds[SIGNALS].revents)
			pass_signals(&session->proxy, launch->control);
		if (fds[SIZES].revents && terminal_guard_signal(&session->guard))
			pass_size(launch->control);
		if (relay_move(&session->relay, fds) == RELAY_DETACH) {
			*ret_end = STDIO_DETACHED;
			return 0;
		}
		if (fds[CONTROL].revents) {
			int r = take_message(store, id, launch->control, ret_exit_code, err);
			if (r < 0)
				return r;
			exited = r > 0;
			if (exited)
				end_input(&session->relay);
		}
	}
}

int stdio_run(struct store *store, const char *id, struct launch *launch, const struct stdio_options *options, enum stdio_end *ret_end,
	      int *ret_exit_code, struct error *err)
{
	CLEANUP(session_end) struct session session = {.relay = RELAY_INIT, .guard = TERMINAL_GUARD_INIT, .proxy = SIGNAL_PROXY_INIT};
	struct detach_keys keys;
	int r = detach_keys_parse(options->detach_keys ? options->detach_keys : DETACH_KEYS_DEFAULT, &keys, err);
	if (r < 0)
		return r;
	bool typed = options->terminal && launch->stdio[0] >= 0 && isatty(STDIN_FILENO);
	/* A reader of ours that goes away ends a stream, not us: the exit code is still to come. */
	signal(SIGPIPE, SIG_IGN);
	if ((r = connect_streams(launch, options->terminal, &keys, &session.relay, err)) < 0)
		return r;
	if (options->terminal && (r = terminal_guard_begin(&session.guard, typed ? STDIN_FILENO : -1, err)) < 0)
		return r;
	if (!options->terminal && options->sig_proxy && (r = signal_proxy_begin(&session.proxy, err)) < 0)
		return r;
	take_over(&session, options->held);
	if (options->terminal)
		pass_size(launch->control);
	return carry(store, id, launch, &session, ret_end, ret_exit_code, err);
}
