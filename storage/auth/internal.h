/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of storage/auth: an auth file as a JSON tree; and the credential helpers.
 */
#pragma once

#include "pkg/json/json.h"
#include "storage/auth/auth.h"

/* ---- places ---- */
/* The files that are read, and those that are written; the named one alone where there is one. *ret_named (may be
 * NULL): there is. */
void auth_files_to_read(const char *authfile, struct strv *ret, bool *ret_named);
void auth_files_to_write(const char *authfile, struct strv *ret);

/* ---- files: as auth_find() and its like, of which they are the part without helpers ---- */
int auth_files_find(const char *authfile, const char *repository, struct credentials *ret, struct error *err);
/* The file that auth_files_store() would change; malloc'd. */
char *auth_file_to_store(const char *authfile, const char *host);
int auth_files_store(const char *authfile, const char *host, const struct credentials *credentials, struct error *err);
int auth_files_erase(const char *authfile, const char *host, struct error *err);

/* ---- entries: a tree is what a file has ---- */
/* What a file has of it: 1, 0, or negative. */
int auth_entry_find(struct json_object *tree, const char *repository, struct credentials *ret, struct error *err);
/* Whether the tree has something under exactly this key. */
bool auth_entry_is_there(struct json_object *tree, const char *host);
int auth_entry_store(struct json_object *tree, const char *host, const struct credentials *credentials,
		     struct error *err);
/* 1: removed, 0: was not there. */
int auth_entry_erase(struct json_object *tree, const char *host, struct error *err);
int auth_entry_erase_all(struct json_object *tree, struct error *err);

/* The name by which helpers know the registry of "host" or "host/path"; malloc'd. */
char *auth_server(const char *repository);

/* ---- helpers: docker-credential-<name>; `server` as the helper knows it ---- */
int helper_get(const char *name, const char *server, struct credentials *ret, struct error *err);
int helper_store(const char *name, const char *server, const struct credentials *credentials, struct error *err);
/* 1: erased, 0: it had none. */
int helper_erase(const char *name, const char *server, struct error *err);
/* Adds the servers that it has something for. */
int helper_list(const char *name, struct strv *ret, struct error *err);
