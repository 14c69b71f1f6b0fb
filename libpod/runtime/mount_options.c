/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount options as docker, podman and the runtime specification write them. A word is a flag of the mount, a flag of it
 * and all below
 * ("rro"), a kind of propagation, a way of mounting ("rbind"), or the file system's own. Later words win.
 */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "libpod/runtime/runtime_internal.h"

/* Each also with an "r" before it, for the whole tree. Access times are three values of one field: setting one means
 * clearing the field. */
static const struct {
	const char *name;
	uint64_t set, clear;
} attributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

static const struct {
	const char *name;
	uint64_t type;
	bool recursive;
} propagations[] = {
    {"private", MS_PRIVATE, false},       {"rprivate", MS_PRIVATE, true},       {"slave", MS_SLAVE, false},
    {"rslave", MS_SLAVE, true},           {"shared", MS_SHARED, false},         {"rshared", MS_SHARED, true},
    {"unbindable", MS_UNBINDABLE, false}, {"runbindable", MS_UNBINDABLE, true},
};

/* Say nothing that is not so anyway. */
static const char *const idle_words[] = {"defaults", "silent", "loud", "async"};
/* Flags of a file system as a whole: they cannot be set through one mount of it. */
static const char *const superblock_words[] = {"sync", "dirsync", "mand", "nomand", "lazytime", "nolazytime"};
static const char *const refused_words[] = {"copy-symlink", "remount"};
#define OWN_PREFIX "x-coracle."

static bool is_among(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static void change(uint64_t *set, uint64_t *clear, uint64_t to_set, uint64_t to_clear)
{
	*set = (*set & ~to_clear) | to_set;
	*clear = (*clear & ~to_set) | to_clear;
}

static bool parse_attribute(const char *word, struct mount_options *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		if (strcmp(attributes[i].name, word) == 0) {
			change(&ret->set, &ret->clear, attributes[i].set, attributes[i].clear);
			return true;
		}
		if (*word == 'r' && strcmp(attributes[i].name, word + 1) == 0) {
			change(&ret->set_recursive, &ret->clear_recursive, attributes[i].set, attributes[i].clear);
			return true;
		}
	}
	return false;
}

static bool parse_propagation(const char *word, struct mount_options *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++) {
		if (strcmp(propagations[i].name, word) != 0)
			continue;
		/* "rslave,shared" is two steps; a fifth replaces the last. */
		size_t at = ret->propagation_count < ARRAY_SIZE(ret->propagation) ? ret->propagation_count++
										  : ret->propagation_count - 1;
		ret->propagation[at].type = propagations[i].type;
		ret->propagation[at].recursive = propagations[i].recursive;
		return true;
	}
	return false;
}

static int parse_own_word(const char *word, struct mount_options *ret, struct error *err)
{
	if (strcmp(word, "fill") == 0)
		ret->fill = true;
	else if (strcmp(word, "chown") == 0)
		ret->chown = true;
	else if (strcmp(word, "scratch") == 0)
		ret->scratch = true;
	else if (text_starts_with(word, "lower="))
		strv_add(&ret->lowers, word + strlen("lower="));
	else if (text_starts_with(word, "upper="))
		ret->upper = word + strlen("upper=");
	else if (text_starts_with(word, "work="))
		ret->work = word + strlen("work=");
	else if (text_starts_with(word, "shared="))
		ret->shared = true;
	else if (text_starts_with(word, "subpath="))
		ret->subpath = word + strlen("subpath=");
	else
		return error_set(err, EINVAL, "unknown mount option '" OWN_PREFIX "%s'", word);
	return 0;
}

static bool is_idmap(const char *word)
{
	word += *word == 'r';
	return text_starts_with(word, "idmap") && strchr("=", word[strlen("idmap")]);
}

static int parse_word(const char *word, bool bind, struct mount_options *ret, struct error *err)
{
	if (parse_attribute(word, ret) || parse_propagation(word, ret) ||
	    is_among(word, idle_words, ARRAY_SIZE(idle_words)))
		return 0;
	if (text_starts_with(word, OWN_PREFIX))
		return parse_own_word(word + strlen(OWN_PREFIX), ret, err);
	if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0) {
		ret->recursive |= *word == 'r';
	} else if (strcmp(word, "tmpcopyup") == 0 || strcmp(word, "notmpcopyup") == 0) {
		ret->copy_up = *word == 't';
	} else if (is_idmap(word)) {
		ret->idmap = word;
	} else if (is_among(word, refused_words, ARRAY_SIZE(refused_words))) {
		return error_set(err, ENOTSUP, "mount option '%s' is not supported", word);
	} else if (!bind) {
		strv_add(&ret->data, word);
	} else if (!is_among(word, superblock_words, ARRAY_SIZE(superblock_words))) {
		return error_set(err, EINVAL, "unknown option '%s' of a bind mount", word);
	}
	return 0;
}

int mount_options_parse(const struct spec_mount *mount, struct mount_options *ret, struct error *err)
{
	auto_mount_options struct mount_options options = {0};
	options.bind = !mount->type || strcmp(mount->type, "bind") == 0 || strv_contains(&mount->options, "bind") ||
		       strv_contains(&mount->options, "rbind");
	for (size_t i = 0; i < mount->options.count; i++) {
		int r = parse_word(mount->options.items[i], options.bind, &options, err);
		if (r < 0)
			return r;
	}
	*ret = options;
	options = (struct mount_options){0};
	return 0;
}

void mount_options_free(struct mount_options *options)
{
	strv_free(&options->data);
	strv_free(&options->lowers);
}

void runtime_mount_options(struct strv *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		strv_add(ret, attributes[i].name);
		strv_addf(ret, "r%s", attributes[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
		strv_add(ret, propagations[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(superblock_words); i++)
		strv_add(ret, superblock_words[i]);
	for (size_t i = 0; i < ARRAY_SIZE(idle_words); i++)
		strv_add(ret, idle_words[i]);
	strv_add(ret, "bind");
	strv_add(ret, "rbind");
	strv_add(ret, "tmpcopyup");
	strv_add(ret, "notmpcopyup");
}
