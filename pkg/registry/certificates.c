/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of certificates, as containers-certs.d(5) has them. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/registry/internal.h"

struct listing {
	struct dirent **entries;
	int count;
};

static void listing_free(struct listing *listing)
{
	for (int i = 0; i < listing->count; i++)
		free(listing->entries[i]);
	free(listing->entries);
}

static bool has(const struct listing *listing, const char *name)
{
	for (int i = 0; i < listing->count; i++)
		if (strcmp(listing->entries[i]->d_name, name) == 0)
			return true;
	return false;
}

/* The partner of "x.cert" is "x.key", and the other way round. */
static int check_pair(const char *directory, const struct listing *listing, const char *name,
		      const char *partner_suffix, struct error *err)
{
	auto_free char *partner = xasprintf("%.*s%s", (int)(strrchr(name, '.') - name), name, partner_suffix);
	return has(listing, partner) ? 0
				     : error_set(err, EINVAL, "%s: %s is there, and %s, which belongs to it, is not",
						 directory, name, partner);
}

static int take_file(const char *directory, const struct listing *listing, const char *name, struct strv *authorities,
		     char **certificate, char **key, struct error *err)
{
	if (text_ends_with(name, ".crt")) {
		strv_addf(authorities, "%s/%s", directory, name);
		return 0;
	}
	if (text_ends_with(name, ".key"))
		return check_pair(directory, listing, name, ".cert", err);
	if (!text_ends_with(name, ".cert"))
		return 0;
	int r = check_pair(directory, listing, name, ".key", err);
	/* libcurl shows one certificate: the first. */
	if (r == 0 && !*certificate) {
		*certificate = xasprintf("%s/%s", directory, name);
		*key = xasprintf("%s/%.*s.key", directory, (int)(strlen(name) - strlen(".cert")), name);
	}
	return r;
}

int registry_read_certificates(const char *directory, struct strv *authorities, char **ret_certificate, char **ret_key,
			       struct error *err)
{
	CLEANUP(listing_free) struct listing listing = {0};
	listing.count = scandir(directory, &listing.entries, NULL, alphasort);
	if (listing.count < 0) {
		listing.count = 0;
		/* A folder of the system's that we may not look into concerns others. */
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			   ? 0
			   : error_sys(err, errno, "read %s", directory);
	}
	for (int i = 0; i < listing.count; i++) {
		int r = take_file(directory, &listing, listing.entries[i]->d_name, authorities, ret_certificate,
				  ret_key, err);
		if (r < 0)
			return r;
	}
	return 1;
}

void registry_certificate_directories(struct strv *ret)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	auto_free char *user = !text_is_empty(config) ? xstrdup(config) : xasprintf("%s/.config", home ? home : "");
	strv_addf(ret, "%s/containers/certs.d", user);
	strv_addf(ret, "%s/docker/certs.d", user);
	strv_add(ret, "/etc/containers/certs.d");
	strv_add(ret, "/etc/docker/certs.d");
}
