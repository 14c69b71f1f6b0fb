/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registries: where images come from: containers-registries.conf(5), version 2, in the established places: $CONTAINERS_REGISTRIES_CONF, else
 * ~/.config/containers/registries.conf, else /etc/containers/registries.conf, else /usr/share/containers/registries.conf; and then the *.conf of registries.conf.d, of the system and of the user
 * (of a file that is named: the folder beside it), each in order of their names, later ones winning. Of two entries with the same prefix the later is the one.
 *
 * Short names: [aliases], of which ~/.cache/containers/short-name-aliases.conf has the last word, then unqualified-search-registries. Where no file has such a list, docker.io is searched; an
 * empty list means what it says. Nobody is asked which registry was meant: they are tried in order, and where short-name-mode is
 * "enforcing", which forbids that, a name that could be in several is refused by registries_resolve_to_pull().
 */
#pragma once

#include <stdbool.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/error/error.h"
#include "pkg/text/text.h"
#include "storage/reference/reference.h"

struct registries;
/* `path` NULL: the usual places. An error names file and line. */
int registries_read(const char *path, struct registries **ret, struct error *err);
void registries_free(struct registries *registries);
DEFINE_CLEANUP(struct registries *, registries_free)
#define auto_registries CLEANUP(registries_freep)

/* What a name as the user wrote it can mean: full references, in the order in which they are tried; one for a name that has a domain. With docker.io's
 * library/ and :latest (unless a digest is given) filled in. */
struct reference_list {
	struct reference *items;
	size_t count;
};
void reference_list_free(struct reference_list *list);
#define auto_reference_list CLEANUP(reference_list_free)
int registries_resolve(const struct registries *registries, const char *name, struct reference_list *ret, struct error *err);
/* The same for a pull: -EINVAL also for what short-name-mode wants a decision on. */
int registries_resolve_to_pull(const struct registries *registries, const char *name, struct reference_list *ret, struct error *err);
/* As registries_resolve() with the usual files, of which only those are parsed that may have something to do with the name: for the hot path. What is wrong in the others is not found. */
int registries_resolve_quickly(const char *name, struct reference_list *ret, struct error *err);

/* Where a full reference is to be asked for, in order: its mirrors, then the registry itself (or its `location`). Who pulls passes over mirrors that are not for what he asks (digest_only,
 * tag_only). */
struct registry_endpoint {
	char *host;	  /* "mirror.example.com:5000" */
	char *repository; /* the path there */
	bool insecure;
	bool mirror;
	bool digest_only; /* pull-from-mirror = "digest-only" */
	bool tag_only;
};
void registry_endpoint_clear(struct registry_endpoint *endpoint);
struct endpoint_list {
	struct registry_endpoint *items;
	size_t count;
};
void endpoint_list_free(struct endpoint_list *list);
#define auto_endpoint_list CLEANUP(endpoint_list_free)
/* To read from. -EPERM: blocked, with the file that says so. `mirrors` false: without them. */
int registries_endpoints(const struct registries *registries, const struct reference *reference, bool mirrors, struct endpoint_list *ret, struct error *err);
/* Where it is written to: the registry in the name itself, since mirrors and locations are for reading ("Remapping and mirroring registries"). -EPERM as above. */
int registries_target(const struct registries *registries, const struct reference *reference, struct registry_endpoint *ret, struct error *err);
/* The registries that `search` asks for a term without one. */
const struct strv *registries_unqualified(const struct registries *registries);
/* credential-helpers, for storage/auth: the names of helpers, of which containers-auth.json stands for the auth files. Empty: those alone. */
const struct strv *registries_credential_helpers(const struct registries *registries);
/* What is known of a registry as such, for `login` and `search`: whether it may be insecure. -EPERM: blocked. */
int registries_host(const struct registries *registries, const char *host, bool *ret_insecure, struct error *err);
