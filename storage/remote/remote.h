/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote: an image's place in a registry, opened as the user's files say: credentials (storage/auth), certificates
 * (certs.d), TLS or not (storage/registries). What pull and push have in common.
 */
#pragma once

#include "pkg/registry/registry.h"
#include "storage/manifest/manifest.h"
#include "storage/registries/registries.h"

/* What the user said on the command line. */
struct remote_options {
	const char *authfile;              /* NULL: the usual places */
	const char *username, *password;   /* for the registry in the name; NULL: from there */
	const char *certificate_directory; /* NULL: the usual places */
	int tls_verify;                    /* 1, 0, or -1: as registries.conf says */
	int retries;                       /* -1: the default */
	int retry_delay_s;                 /* -1: growing pauses */
	const struct strv *helpers;        /* of registries.conf, for remote_open(); NULL: none */
};

/* A registry, and what the image is called there. */
struct remote {
	struct registry *registry;
	char *host;
	char *repository;
};
void remote_close(struct remote *remote);
#define auto_remote CLEANUP(remote_close)

/* Credentials are looked up for the endpoint, by its host and repository; those in `options` are for one that is the
 * registry in `name`, and for no mirror of it. Nothing is sent yet. */
int remote_open(const struct registry_endpoint *endpoint, const struct reference *name,
		const struct remote_options *options, struct remote *ret, struct error *err);
/* Where a full name is pushed to: the registry in it, and nothing that registries.conf has instead or as a mirror. */
int remote_open_target(const struct reference *name, const struct remote_options *options, struct remote *ret,
		       struct error *err);
/* "docker://busybox" → "busybox"; another transport's name is -EINVAL, with what is for it. Borrowed from `name`. */
int remote_name(const char *name, const char **ret, struct error *err);
/* Reads a small blob whole, of at most `max` bytes, and verifies it; `what` is for error texts. NUL-terminated,
 * malloc'd. */
int remote_read_blob(const struct remote *remote, const struct descriptor *blob, size_t max, const char *what,
		     char **ret, size_t *ret_length, struct error *err);
