/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "rootless/netns/netns.h"

#define API_SOCKET "slirp4netns"
#define ANSWER_MAX 4096

int netns_slirp4netns_begin(int netns_fd, const struct netns_slirp4netns *options, struct netns_helper *ret,
			    struct error *err)
{
	struct netns_helper helper;
	int r = netns_helper_prepare("slirp4netns", &helper, err);
	if (r < 0)
		return r;
	helper.sibling = options->sibling;
	auto_strv struct strv argv = STRV_INIT;
	strv_add(&argv, "slirp4netns");
	strv_add(&argv, "--configure");
	strv_addf(&argv, "--mtu=%" PRIu32, options->mtu);
	strv_addf(&argv, "--cidr=%s", options->cidr);
	strv_addf(&argv, "--ready-fd=%d", helper.ready_write);
	if (!options->allow_host_loopback)
		strv_add(&argv, "--disable-host-loopback");
	if (options->enable_ipv6)
		strv_add(&argv, "--enable-ipv6");
	if (options->outbound_addr)
		strv_addf(&argv, "--outbound-addr=%s", options->outbound_addr);
	if (options->outbound_addr6)
		strv_addf(&argv, "--outbound-addr6=%s", options->outbound_addr6);
	if (options->sandbox) {
		strv_add(&argv, "--enable-sandbox");
		strv_add(&argv, "--enable-seccomp");
	}
	if (options->api_dir >= 0) {
		netns_slirp4netns_close_api(options->api_dir); /* of one that was killed */
		strv_addf(&argv, "--api-socket=/proc/self/fd/%d/" API_SOCKET, options->api_dir);
	}
	strv_add(&argv, "--netns-type=path");
	strv_addf(&argv, "/proc/self/fd/%d", netns_fd);
	strv_add(&argv, "tap0");
	const int keep[] = {netns_fd, options->api_dir};
	r = netns_helper_begin(&helper, (const char *const *)argv.items, keep, options->api_dir >= 0 ? 2 : 1, err);
	if (r < 0) {
		netns_helper_release(&helper);
		return r;
	}
	*ret = helper;
	return 0;
}

/* ---- its API: slirp4netns(1), "API SOCKET" ---- */
void netns_slirp4netns_close_api(int api_dir)
{
	unlinkat(api_dir, API_SOCKET, 0);
}

/* One request to a connection; the end of the request is the end of what we send. */
static int ask(int api_dir, const char *request, char *answer, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" API_SOCKET, api_dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, errno, "reach slirp4netns");
	ssize_t n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	if (n != (ssize_t)strlen(request) || shutdown(fd, SHUT_WR) < 0)
		return error_sys(err, errno, "talk to slirp4netns");
	n = read_full(fd, answer, ANSWER_MAX - 1);
	if (n <= 0)
		return error_set(err, EIO, "slirp4netns did not answer");
	answer[n] = '\0';
	return 0;
}

int netns_slirp4netns_forward(int api_dir, const char *protocol, const char *host_ip, uint16_t host_port,
			      uint16_t guest_port, struct error *err)
{
	char answer[ANSWER_MAX];
	auto_free char *request =
	    xasprintf("{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"%s\",\"host_addr\":\"%s\","
		      "\"host_port\":%" PRIu16 ",\"guest_port\":%" PRIu16 "}}",
		      protocol, *host_ip ? host_ip : "0.0.0.0", host_port, guest_port);
	int r = ask(api_dir, request, answer, err);
	if (r < 0)
		return r;
	auto_json struct json_object *json = NULL;
	if ((r = json_parse(answer, strlen(answer), "slirp4netns's answer", &json, err)) < 0)
		return r;
	if (!json_object_object_get(json, "error"))
		return 0;
	return error_set(err, EADDRINUSE,
			 "slirp4netns cannot listen on %s:%" PRIu16 "/%s: it is in use, or not yours to listen on",
			 *host_ip ? host_ip : "0.0.0.0", host_port, protocol);
}
