/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding an image. In a file of its own because it needs libcrypto, which no program that starts containers links.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "storage/image/internal.h"

struct addition {
	const char *manifest, *config;
	size_t manifest_length, config_length;
	char manifest_hex[65], id[65];
};

static int sha256_hex(const void *data, size_t length, char *out, struct error *err)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int hash_length;
	if (!EVP_Digest(data, length, hash, &hash_length, EVP_sha256(), NULL))
		return error_set(err, EIO, "OpenSSL cannot compute SHA-256");
	for (unsigned int i = 0; i < hash_length; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", hash[i]);
	return 0;
}

/* The configuration says what the image consists of; it must be what was unpacked. */
static int check_layers(const struct image *image, const struct strv *diff_ids, struct error *err)
{
	bool same = image->layers.count == diff_ids->count;
	for (size_t i = 0; same && i < diff_ids->count; i++)
		same = strcmp(image->layers.items[i], diff_ids->items[i]) == 0;
	return same ? 0
		    : error_set(err, EINVAL, "the configuration of image %.12s names other layers than were unpacked",
				image->id);
}

static int read_config(const struct addition *addition, const struct strv *diff_ids, struct image **ret,
		       struct error *err)
{
	auto_image struct image *image = xcalloc(1, sizeof(*image));
	memcpy(image->id, addition->id, sizeof(image->id));
	int r = json_parse(addition->config, addition->config_length, "image configuration", &image->config, err);
	if (r == 0)
		r = image_fill_from_config(image, image->config, err);
	if (r == 0)
		r = check_layers(image, diff_ids, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(image);
	return 0;
}

int image_write_summary(int dirfd, const struct image *image, const char *manifest_hex, struct error *err)
{
	auto_json struct json_object *json = json_object_new_object();
	auto_free char *manifest = xasprintf("sha256:%s", manifest_hex);
	json_add_string(json, "manifest", manifest);
	json_add_int(json, "created", image->created_ns);
	json_add_int(json, "size", image->size);
	json_add_string(json, "architecture", image->architecture);
	json_add_string(json, "os", image->os);
	json_add_string(json, "variant", image->variant);
	json_add_strv(json, "layers", &image->layers);
	auto_free char *text = json_text(json, false);
	return file_write_at(dirfd, "image.json", text, strlen(text), 0600, FILE_SYNC, err);
}

static int write_manifest(int dirfd, const struct addition *addition, struct error *err)
{
	return file_write_at(dirfd, addition->manifest_hex, addition->manifest, addition->manifest_length, 0600,
			     FILE_SYNC, err);
}

static int write_new(struct store *store, const struct addition *addition, const struct image *image, struct error *err)
{
	auto_stage struct stage stage = STAGE_INIT;
	int r = store_stage(store, &stage, err);
	if (r < 0)
		return r;
	r = file_write_at(stage.fd, "config", addition->config, addition->config_length, 0600, FILE_SYNC, err);
	if (r == 0)
		r = image_write_summary(stage.fd, image, addition->manifest_hex, err);
	if (r < 0)
		return r;
	auto_close int manifests = -1;
	if (mkdirat(stage.fd, "manifests", 0700) == 0)
		manifests = openat(stage.fd, "manifests", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (manifests < 0)
		return error_sys(err, errno, "make the image's directory");
	r = write_manifest(manifests, addition, err);
	if (r < 0)
		return r;
	auto_free char *path = xasprintf("images/%s", addition->id);
	return stage_place(&stage, path, true, err);
}

/* In the place of one that was marked as damaged (image_mark_damaged()), if there is one. */
static int replace_damaged(struct store *store, const struct addition *addition, const struct image *image,
			   struct error *err)
{
	auto_free char *summary = xasprintf("images/%s/image.json", addition->id);
	auto_free char *path = xasprintf("images/%s", addition->id);
	if (faccessat(store->root_fd, summary, F_OK, 0) == 0)
		return -EEXIST;
	int r = store_trash(store, path, err);
	return r < 0 && r != -ENOENT ? r : write_new(store, addition, image, err);
}

static int add_manifest(struct store *store, const struct addition *addition, struct error *err)
{
	auto_free char *path = xasprintf("images/%s/manifests", addition->id);
	auto_close int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s/%s", store->root, path);
	if (faccessat(fd, addition->manifest_hex, F_OK, 0) == 0)
		return 0;
	return write_manifest(fd, addition, err);
}

int image_add(struct store *store, const char *manifest, size_t manifest_length, const char *config,
	      size_t config_length, const struct strv *diff_ids, int64_t size, char *ret_id, char *ret_manifest_digest,
	      struct error *err)
{
	struct addition addition = {
	    .manifest = manifest, .manifest_length = manifest_length, .config = config, .config_length = config_length};
	auto_image struct image *image = NULL;
	int r = sha256_hex(config, config_length, addition.id, err);
	if (r == 0)
		r = sha256_hex(manifest, manifest_length, addition.manifest_hex, err);
	if (r == 0)
		r = read_config(&addition, diff_ids, &image, err);
	if (r != 0)
		return r;
	image->size = size;
	auto_free char *path = xasprintf("images/%s/image.json", addition.id);
	r = -EEXIST;
	if (faccessat(store->root_fd, path, F_OK, 0) < 0)
		r = write_new(store, &addition, image, err);
	if (r == -EEXIST)
		r = replace_damaged(store, &addition, image, err);
	if (r == -EEXIST)
		r = add_manifest(store, &addition, err);
	if (r < 0)
		return error_context(err, "add image %.12s", addition.id);
	memcpy(ret_id, addition.id, sizeof(addition.id));
	snprintf(ret_manifest_digest, 72, "sha256:%s", addition.manifest_hex);
	return 0;
}
