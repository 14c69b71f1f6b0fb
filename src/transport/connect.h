/* SPDX-License-Identifier: Apache-2.0 */
/* connect: a registry as the options of a command and the user's files say. */
#pragma once

#include "pkg/cli/cli.h"
#include "pkg/registry/registry.h"
#include "storage/auth/auth.h"
#include "storage/registries/registries.h"

struct connection_options {
	const char *authfile;
	const char *certificate_directory; /* --cert-dir */
	bool tls_verify, tls_verify_given; /* not given: as registries.conf says */
};

/* Opens a registry by its host. `credentials`: those, or NULL: what the auth files and helpers have for `repository` ("host/path",
 * or the host). */
int connect_registry(const struct connection_options *options, const struct registries *registries, const char *host,
		     const char *repository, const struct credentials *credentials, struct registry **ret,
		     struct error *err);
/* Where credentials are kept; as long as `registries` is there. */
struct auth_places connect_auth_places(const char *authfile, const struct registries *registries);
/* The registry that is the command's argument, or the first that is searched. "https://host/v1/" is taken for its host,
 * as docker writes it. malloc'd. */
int connect_named(const struct cli_context *context, const struct registries *registries, char **ret,
		  struct error *err);
