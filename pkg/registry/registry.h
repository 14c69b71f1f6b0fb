/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry: a client of container registries: the OCI distribution specification 1.1, which is the Docker Registry HTTP API V2, over libcurl.
 *
 * A `struct registry` is one registry as one user sees it: its connections, the tokens it has given, what it was found to speak (TLS or, where
 * that was allowed, plain HTTP). Several threads may use one at the same time. It knows of no store and of no configuration file: who
 * opens it says address, credentials and certificates.
 *
 * What is common to all calls:
 *
 *	authentication	a 401 is answered as its WWW-Authenticate says (Basic, or Bearer by the token protocol), once; tokens are kept by scope until they expire
 *	redirects	followed for GET and HEAD, and 307 and 308 for all; what is not the host that was asked gets no credentials
 *	failures	a connection that breaks, 408, 429, 500, 502, 503, 504: tried again after a growing, randomised pause, or after what Retry-After says (at most
 *			a minute), `attempts` times in all. A transfer that stands still for `stall_timeout_s` has broken
 *	bounds		no answer but a blob is read beyond its limit; what a server says of lengths is not believed
 *	errors		one line with the registry's name, what was asked, and the registry's own words (errors[].message) without control characters.
 *			-ENOENT: 404. -EACCES: 401, 403. -EBADMSG: what came is not what was named. -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH …: the network
 *	proxies		as the environment says: https_proxy, http_proxy, no_proxy, all_proxy, in either case (curl's own rules)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkg/digest/digest.h"
#include "pkg/error/error.h"
#include "pkg/stream/stream.h"
#include "pkg/text/text.h"

struct registry_options {
	const char *host;	    /* "registry.example.com:5000", "[::1]:5000"; docker.io is known to be registry-1.docker.io */
	bool insecure;		    /* certificates are not verified, and plain HTTP will do where TLS is not spoken */
	const char *const *certificate_directories; /* NULL-terminated: <dir>/<host>/ with *.crt (authorities), *.cert and *.key (ours; the first pair), as in certs.d. The first
						       * that is there is used. NULL: none */
	const char *certificate_directory; /* has such files itself (--cert-dir), and none of the others is looked at; NULL */
	const char *username;	    /* NULL: anonymous */
	const char *password;
	const char *identity_token; /* an OAuth2 refresh token instead of a password; NULL: none */
	const char *user_agent;	    /* "coracle/1.0" */
	int attempts;		    /* 0: 5 */
	bool fixed_pause;	    /* between them: `pause_s` each time */
	int pause_s;
	int stall_timeout_s;	    /* 0: 30 */
};

struct registry;
/* All texts are copied. Nothing is sent yet. -EINVAL: no host name, a certificate without its key, ….
 * libcurl's global state must have been made (registry_global_init). */
int registry_open(const struct registry_options *options, struct registry **ret, struct error *err);
void registry_close(struct registry *registry);
DEFINE_CLEANUP(struct registry *, registry_close)
#define auto_registry CLEANUP(registry_closep)

/* Once in a process, before it has a second thread. */
int registry_global_init(struct error *err);

/* Adds the established folders of certificates: the user's, then the system's, podman's and docker's. */
void registry_certificate_directories(struct strv *ret);

/* Whether the registry is there and takes the credentials: GET /v2/. -EACCES: it does not. For `login`. */
int registry_check(struct registry *registry, struct error *err);

/* ---- manifests ---- */
struct registry_manifest {
	char *text;   /* NUL behind it; NULL from registry_manifest_head() */
	size_t length;
	char *media_type;
	char digest[DIGEST_TEXT_MAX]; /* of the text; of a HEAD, what the registry said (where it says nothing the text is fetched for it) */
};
void registry_manifest_clear(struct registry_manifest *manifest);
#define auto_registry_manifest CLEANUP(registry_manifest_clear)

/* `reference`: a tag or a digest; of a digest the text is checked against it. At most `max` bytes (-EFBIG). All manifest and index media types of OCI and Docker
 * are accepted. */
int registry_manifest_get(struct registry *registry, const char *repository, const char *reference, size_t max, struct registry_manifest *ret, struct error *err);
int registry_manifest_head(struct registry *registry, const char *repository, const char *reference, struct registry_manifest *ret, struct error *err);
int registry_manifest_put(struct registry *registry, const char *repository, const char *reference, const char *media_type, const void *text, size_t length,
			  struct error *err);
/* By digest. */
int registry_manifest_delete(struct registry *registry, const char *repository, const char *digest, struct error *err);

/* ---- blobs ---- */
/* 1 and its size (may be NULL; -1: not said); 0: not there. */
int registry_blob_head(struct registry *registry, const char *repository, const char *digest, int64_t *ret_size, struct error *err);
/* The blob's bytes from `offset` on, as they come. `size`: what the descriptor says it has in all: what is more is -EBADMSG, and so is an answer that is whole but
 * less. A connection that breaks is taken up again where it broke (Range), within the stream; -ECONNRESET after all attempts. A server that knows no ranges is read from the beginning again,
 * unseen. The digest is the reader's to check. For one thread; the registry must outlive it. */
int registry_blob_open(struct registry *registry, const char *repository, const char *digest, int64_t size, int64_t offset, struct stream **ret, struct error *err);
/* Makes a blob of another repository of the same registry appear in this one (mount): 1 done, 0 the registry did not (an upload is not left open). */
int registry_blob_mount(struct registry *registry, const char *repository, const char *digest, const char *from_repository, struct error *err);
/* Uploads what `source` gives. `size` -1: not known; then, and where it is larger than `chunk`, with PATCH: in pieces of `chunk` bytes, which are kept in memory and sent again when a
 * connection breaks, or (0) in one, as long as it is. Otherwise with one PUT. A PUT needs the digest before it; after PATCH `digest` is called when the source has ended. Its text
 * must live until this returns. An upload that broke and cannot be taken up again, since the source cannot begin again, is -EAGAIN: the caller tries anew with a new source. */
struct registry_upload {
	struct stream *source; /* borrowed */
	int64_t size;
	int64_t chunk;
	const char *(*digest)(void *userdata);
	void *userdata;
	void (*progress)(void *userdata, int64_t sent); /* may be NULL */
};
int registry_blob_upload(struct registry *registry, const char *repository, const struct registry_upload *upload, struct error *err);

/* ---- lists ---- */
/* All tags, over all pages (Link: rel="next"), in the registry's order. */
int registry_tags(struct registry *registry, const char *repository, struct strv *ret, struct error *err);
/* Docker Hub's /v1/search where it is there, else the names in /v2/_catalog that have `term` in them. */
struct registry_found {
	char *name, *description;
	int64_t stars;
	bool official, automated;
};
void registry_found_free(struct registry_found *found, size_t count);
int registry_search(struct registry *registry, const char *term, size_t limit, struct registry_found **ret, size_t *ret_count, struct error *err);
