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

/* ---- helpers: docker-credential-<name>; `server` as the helper knows it ---- */
int helper_get(const char *name, const char *server, struct credentials *ret, struct error *err);
int helper_store(const char *name, const char *server, const struct credentials *credentials, struct error *err);
/* 1: erased, 0: it had none. */
int helper_erase(const char *name, const char *server, struct error *err);
