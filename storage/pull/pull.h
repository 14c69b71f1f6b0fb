/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull: an image from a registry into the store.
 *
 * One pipeline per layer: bytes come from the registry and go at the same time into blobs/partial/<digest> (so that the
 * next try, also after a kill, goes on from there), through the digest, the decompressor, the diff id's digest and into
 * the staged tree; as many layers at once as there are processors (2 to 4). A layer that is there already is not
 * fetched; one that another process is fetching is waited for (a lock per blob), not fetched twice. Everything is
 * written to the disk at once and placed; then the image, then its name. What is partial is removed when its layer is
 * placed, and by `system prune` when it is a week old.
 */
#pragma once

#include "pkg/progress/progress.h"
#include "storage/image/image.h"
#include "storage/manifest/manifest.h"
#include "storage/store/store.h"

enum pull_policy {
	PULL_MISSING,
	PULL_ALWAYS,
	PULL_NEWER, /* when the registry's differs; a registry that does not answer is no failure if the image is here
		     */
	PULL_NEVER,
};

struct pull_request {
	const char *name; /* as the user wrote it */
	enum pull_policy policy;
	const struct platform *platform;   /* NULL: this machine's */
	const char *authfile;              /* NULL: the usual places */
	const char *username, *password;   /* --creds; NULL */
	const char *certificate_directory; /* --cert-dir; NULL */
	int tls_verify;                    /* 1, 0, or -1: as registries.conf says */
	const char *signature_policy;      /* NULL: the usual places */
	struct progress *progress;         /* NULL: none */
	int retries;                       /* -1: the default */
	int retry_delay_s;                 /* -1: pauses that grow */
	void (*trying)(const char *name);  /* NULL; called with each full name before it is asked for */
};
/* Pulls, and gives the id (65 bytes) and the full name. The caller holds no lock, and has one thread. *ret_pulled (may
 * be NULL): false when nothing was fetched. */
int image_pull(struct store *store, const struct pull_request *request, char *ret_id, char **ret_full_name,
	       bool *ret_pulled, struct error *err);

/* The full names of all tags of the repository that the name means. */
int image_pull_tags(const struct pull_request *request, struct strv *ret_names, struct error *err);
