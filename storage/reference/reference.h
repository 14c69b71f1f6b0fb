/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference: names of images: [domain/]path[:tag][@digest], by the grammar of the distribution specification.
 */
#pragma once

#include <stdbool.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"

struct reference {
	char *domain; /* "docker.io", "localhost", "localhost:5000", "[::1]:5000"; NULL in a short name */
	char *path;   /* "library/busybox" */
	char *tag;    /* NULL: none given */
	char *digest; /* "sha256:…"; NULL: none given */
};
void reference_free(struct reference *reference);
#define auto_reference CLEANUP(reference_free)

/* Parses as written, adding nothing. Errors name what is wrong (upper case, empty component, too long …). */
int reference_parse(const char *text, struct reference *ret, struct error *err);
/* What an image made here is called, as podman does: no domain becomes localhost/, no tag (and no digest) :latest. */
void reference_normalize_local(struct reference *reference);
/* The same with docker.io/ and library/: what docker-archives and Docker Hub mean by a short name. */
void reference_normalize_docker(struct reference *reference);
/* "domain/path:tag@digest"; malloc'd. */
char *reference_text(const struct reference *reference);
/* "domain/path"; malloc'd. */
char *reference_repository(const struct reference *reference);
bool digest_is_valid(const char *digest); /* sha256: and 64 hex digits (sha512: and 128) */
