/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: who the user is for a registry: the files of docker and podman (containers-auth.json(5)) and docker's credential helpers.
 *
 * A file that is named (--authfile, $REGISTRY_AUTH_FILE) is the only one. Otherwise, the first that knows the registry, or the longest beginning of the repository:
 *
 *	$XDG_RUNTIME_DIR/containers/auth.json   (without the variable /run/containers/<uid>/auth.json) podman's
 *	$XDG_CONFIG_HOME/containers/auth.json   ours, because it outlives a session, and a batch job has it
 *	$DOCKER_CONFIG/config.json              or ~/.docker/config.json
 *
 * `login` writes where an entry of the first two is already, so that none is hidden by an older one, else to the second. Members of a file that are not ours are kept as they are; it is
 * written whole by rename, 0600, by one process at a time. docker's file is never written.
 *
 * credHelpers, credsStore: the program docker-credential-<name>, spoken to as docker does (get, store, erase on standard input). The `credential-helpers` of registries.conf
 * (containers-registries.conf(5)) come before, behind or in the place of the files, as they say; also where a file is named.
 */
#pragma once

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"
#include "pkg/text/text.h"

struct credentials {
	char *username, *password; /* NULL: none */
	char *identity_token;	   /* NULL: none */
};
/* The memory of secrets is overwritten first. */
void credentials_clear(struct credentials *credentials);
#define auto_credentials CLEANUP(credentials_clear)

struct auth_places {
	const char *authfile;	    /* NULL: $REGISTRY_AUTH_FILE or the usual places */
	const struct strv *helpers; /* registries_credential_helpers(); NULL: the files alone */
};
/* 1: found, 0: none, negative: none, and a file or a helper that cannot be used, with its name (-ENOENT: the named file, or a helper, is not there). `repository`: "host/path", or a
 * host. */
int auth_find(const struct auth_places *places, const char *repository, struct credentials *ret, struct error *err);
/* `host` can have a path behind it: for the repositories below that alone. *ret_place (may be NULL): what keeps them, a file or the program of a helper; malloc'd. */
int auth_store(const struct auth_places *places, const char *host, const struct credentials *credentials, char **ret_place, struct error *err);
/* From the helpers, and from the files that auth_store() writes. 1: removed, 0: there was nothing. `host` NULL: all. */
int auth_erase(const struct auth_places *places, const char *host, struct error *err);
