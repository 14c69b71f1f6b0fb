/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest: image manifests, indexes and configurations as archives and registries give them (OCI image specification,
 * image-spec 1.1; Docker's schema 2, which has the same shape). Reading only: everything that is not right is an error
 * that says what.
 */
#pragma once

#include <stdint.h>

#include "pkg/json/json.h"

/* Larger ones are refused. */
#define MANIFEST_SIZE_MAX   (4 << 20)
#define MANIFEST_LAYERS_MAX 512

#define MEDIA_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_TYPE_OCI_INDEX    "application/vnd.oci.image.index.v1+json"
#define MEDIA_TYPE_OCI_CONFIG   "application/vnd.oci.image.config.v1+json"
#define MEDIA_TYPE_OCI_LAYER    "application/vnd.oci.image.layer.v1.tar"

struct descriptor {
	char *media_type; /* NULL: none given */
	char *digest;     /* valid */
	int64_t size;
};
void descriptor_free(struct descriptor *descriptor);
#define auto_descriptor CLEANUP(descriptor_free)
/* Reads a descriptor object; `name` is for the error text. */
int descriptor_parse(struct json_object *json, const char *name, struct descriptor *ret, struct error *err);

struct manifest {
	struct descriptor config;
	struct descriptor *layers; /* lowest first */
	size_t layers_count;
};
void manifest_free(struct manifest *manifest);
#define auto_manifest CLEANUP(manifest_free)
/* -EINVAL for what is no image manifest: an index, an artifact, Docker's schema 1, encrypted or foreign layers. */
int manifest_parse(const char *text, size_t length, struct manifest *ret, struct error *err);
/* 1: an index (manifest list), 0: not, by its media type or its members. */
int manifest_is_index(struct json_object *json);

/* Adds the diff ids of a configuration, all valid and sha256. */
int config_diff_ids(struct json_object *config, struct strv *ret, struct error *err);

struct platform {
	const char *os, *architecture, *variant; /* as Go names them; variant "" or "v7" … */
};
/* This machine. */
void platform_host(struct platform *ret);
/* The descriptor (borrowed) in an index that suits the platform best: -ENOENT, with those that there are. */
int index_choose(struct json_object *index, const struct platform *platform, struct json_object **ret,
		 struct error *err);
/* Whether a descriptor's platform is the one: 0 no, larger is better. A descriptor without a platform is 1. */
int platform_match(struct json_object *descriptor, const struct platform *platform);

/* Makes a manifest for layers that are kept uncompressed: an OCI manifest; the same input always gives the same text.
 * malloc'd. */
char *manifest_make(const char *config_digest, size_t config_size, const struct strv *diff_ids,
		    const int64_t *tar_sizes);

/* The media type of a layer in this compression ("none", "gzip", "zstd": stream_compression_name()), in Docker's words or OCI's; NULL where there is none. */
const char *manifest_layer_type(bool docker, const char *compression);
#define MEDIA_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_TYPE_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"

/* Makes a manifest of what its blobs are (their media types are the caller's): OCI's or Docker's schema 2. The same input always gives the
 * same text. malloc'd. */
char *manifest_write(bool docker, const struct descriptor *config, const struct descriptor *layers, size_t count);
