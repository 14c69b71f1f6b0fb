/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a server on loopback that answers as a test says, byte for byte: wrongly, slowly, in part. Each connection
 * is for one request, one after the other. A client that begins with TLS is hung up on.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/text/text.h"

#define TEST_SERVER_HELD 16

struct test_server {
	/* Answers; `index` counts the requests from 0. True: the connection stays open, and silent, until the end. */
	bool (*answer)(struct test_server *server, int fd, const char *request, size_t index);
	void *userdata;
	int fd;
	int port;
	pthread_t thread;
	pthread_mutex_t mutex;
	struct strv requests; /* as they came, with their bodies */
	_Atomic size_t written;
	int held[TEST_SERVER_HELD];
	size_t held_count;
};

static inline bool test_server_send(struct test_server *server, int fd, const void *data, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = send(fd, (const char *)data + done, length - done, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		done += (size_t)n;
		server->written += (size_t)n;
	}
	return true;
}

__attribute__((format(printf, 3, 4))) static inline void test_server_printf(struct test_server *server, int fd,
									    const char *format, ...)
{
	char text[4096];
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	test_server_send(server, fd, text, (size_t)n);
}

/* The whole answer: "200 OK", header lines that end with \r\n each ("" for none), the body. */
static inline void test_server_answer(struct test_server *server, int fd, const char *status, const char *headers,
				      const char *body)
{
	test_server_printf(server, fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s", status,
			   strlen(body), headers, body);
}

static inline bool test_server_is_complete(const struct strbuf *request)
{
	const char *end = request->length ? strstr(request->data, "\r\n\r\n") : NULL;
	const char *length = end ? strcasestr(request->data, "\r\nContent-Length: ") : NULL;
	if (end && strcasestr(request->data, "\r\nTransfer-Encoding: chunked"))
		return request->length >= 5 && memcmp(request->data + request->length - 5, "0\r\n\r\n", 5) == 0;
	return end &&
	       (!length || length > end || strlen(end + 4) >= (size_t)atol(length + strlen("\r\nContent-Length: ")));
}

static inline bool test_server_receive(int fd, struct strbuf *request)
{
	char data[65536];
	while (!test_server_is_complete(request)) {
		ssize_t n = recv(fd, data, sizeof(data), 0);
		if (n <= 0 || (request->length == 0 && data[0] == 0x16))
			return false;
		strbuf_add(request, data, (size_t)n);
	}
	return true;
}

static inline void *test_server_run(void *userdata)
{
	struct test_server *server = userdata;
	for (;;) {
		auto_strbuf struct strbuf request = STRBUF_INIT;
		auto_close int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		if (!test_server_receive(fd, &request))
			continue;
		pthread_mutex_lock(&server->mutex);
		size_t index = server->requests.count;
		strv_add(&server->requests, strbuf_text(&request));
		pthread_mutex_unlock(&server->mutex);
		if (server->answer(server, fd, strbuf_text(&request), index) && server->held_count < TEST_SERVER_HELD)
			server->held[server->held_count++] = TAKE_FD(fd);
	}
}

static inline int test_server_start(struct test_server *server,
				    bool (*answer)(struct test_server *, int, const char *, size_t))
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(address);
	*server = (struct test_server){.answer = answer, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	pthread_mutex_init(&server->mutex, NULL);
	if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, length) < 0 || listen(server->fd, 16) < 0 ||
	    getsockname(server->fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	server->port = ntohs(address.sin_port);
	return -pthread_create(&server->thread, NULL, test_server_run, server);
}

static inline void test_server_stop(struct test_server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	for (size_t i = 0; i < server->held_count; i++)
		close(server->held[i]);
	strv_free(&server->requests);
	pthread_mutex_destroy(&server->mutex);
}

/* How many requests had the text in them. */
static inline size_t test_server_count(struct test_server *server, const char *text)
{
	size_t count = 0;
	pthread_mutex_lock(&server->mutex);
	for (size_t i = 0; i < server->requests.count; i++)
		count += strstr(server->requests.items[i], text) != NULL;
	pthread_mutex_unlock(&server->mutex);
	return count;
}
