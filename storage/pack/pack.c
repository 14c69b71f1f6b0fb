/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pack/pack.h"

#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/file/file.h"
#include "storage/layer/layer.h"
#include "storage/layer/squash.h"

#define CHUNK (256 << 10)
/* Holes that are smaller, all together, become zeros: podman takes sparse entries, but cannot give back the layer that
 * has them. */
#define HOLES_MIN (1LL << 30)

struct packer {
	struct tar_writer *tar;
	void *links; /* tsearch(3) tree of struct link */
	char *buffer;
};

/* The first name of a file that has several. */
struct link {
	int source;
	uint64_t file;
	char *path;
};

/* Where an entry's content is. */
struct content {
	int fd; /* the directory that `place` is in */
	const char *place;
	int source;
	uint64_t file;
	bool linked;
};

static void link_free(void *link)
{
	free(((struct link *)link)->path);
	free(link);
}

static void packer_close(struct packer *packer)
{
	if (packer->tar)
		tar_writer_free(packer->tar);
	tdestroy(packer->links, link_free);
	free(packer->buffer);
}

static int packer_open(struct packer *packer, int fd, struct error *err)
{
	packer->buffer = xmalloc(CHUNK);
	return tar_writer_new(fd, &packer->tar, err);
}

static int compare_links(const void *left, const void *right)
{
	const struct link *a = left, *b = right;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->file > b->file) - (a->file < b->file);
}

/* The name under which the file is in the archive already; otherwise NULL, and it will be this one. */
static const char *first_name(struct packer *packer, const struct content *content, const char *path)
{
	if (!content->linked)
		return NULL;
	struct link *link = xcalloc(1, sizeof(*link));
	*link = (struct link){content->source, content->file, NULL};
	struct link **found = tsearch(link, &packer->links, compare_links);
	if (found && *found != link) {
		free(link);
		return (*found)->path;
	}
	link->path = xstrdup(path);
	return NULL;
}

/* ---- content ---- */
/* Finds the pieces that have data, when what lies between is worth it. */
static void find_extents(int fd, const struct stat *st, struct tar_entry *entry)
{
	if (st->st_size - st->st_blocks * 512 < HOLES_MIN)
		return;
	struct tar_extent *extents = xcalloc(1, sizeof(*extents));
	size_t count = 0;
	for (off_t position = 0; count < TAR_EXTENTS_MAX - 1;) {
		off_t data = lseek(fd, position, SEEK_DATA);
		if (data < 0 || data >= st->st_size)
			break;
		position = lseek(fd, data, SEEK_HOLE);
		if (position < 0 || position > st->st_size)
			position = st->st_size;
		extents = xrealloc(extents, (count + 2) * sizeof(*extents));
		extents[count++] = (struct tar_extent){data, position - data};
	}
	if (count == TAR_EXTENTS_MAX - 1)
		extents[count - 1].length = st->st_size - extents[count - 1].offset;
	entry->extents = extents;
	entry->extents_count = count;
}

static int write_extent(struct packer *packer, int fd, struct tar_extent extent, const char *path, struct error *err)
{
	while (extent.length > 0) {
		ssize_t n =
		    pread(fd, packer->buffer, extent.length < CHUNK ? (size_t)extent.length : CHUNK, extent.offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "read /%.250s", path);
		if (n == 0)
			return tar_write_hole(packer->tar, extent.length, err);
		int r = tar_write_content(packer->tar, packer->buffer, (size_t)n, err);
		if (r < 0)
			return r;
		extent.offset += n;
		extent.length -= n;
	}
	return 0;
}

static int write_extents(struct packer *packer, int fd, const struct tar_entry *entry, struct error *err)
{
	int64_t end = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < entry->extents_count; i++) {
		r = tar_write_hole(packer->tar, entry->extents[i].offset - end, err);
		if (r == 0)
			r = write_extent(packer, fd, entry->extents[i], entry->path, err);
		end = entry->extents[i].offset + entry->extents[i].length;
	}
	return r < 0 ? r : tar_write_hole(packer->tar, entry->size - end, err);
}

static int write_file(struct packer *packer, const struct content *content, struct tar_entry *entry, struct error *err)
{
	struct stat st;
	auto_close int fd = open_beneath(content->fd, content->place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && content->source == CONTENTS_UPPER && (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR))
		return 0; /* removed meanwhile */
	if (fd < 0)
		return error_sys(err, fd, "open /%.250s", entry->path);
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "look at /%.250s", entry->path);
	if (!S_ISREG(st.st_mode))
		return content->source == CONTENTS_UPPER
			   ? 0
			   : error_set(err, EBADMSG, "the layer is damaged: /%.250s is no file", entry->path);
	entry->size = st.st_size;
	find_extents(fd, &st, entry);
	int r = tar_write_entry(packer->tar, entry, err);
	if (r == 0)
		r = entry->extents ? write_extents(packer, fd, entry, err)
				   : write_extent(packer, fd, (struct tar_extent){0, entry->size}, entry->path, err);
	free(entry->extents);
	entry->extents = NULL;
	return r;
}

static int write_entry(struct packer *packer, const char *path, const struct tar_entry *facts,
		       const struct content *content, struct error *err)
{
	struct tar_entry entry = *facts;
	/* A copy that owns nothing. */
	entry.path = (char *)(*path ? path : ".");
	const char *first = first_name(packer, content, path);
	if (first) {
		entry.type = TAR_HARD_LINK;
		entry.link = (char *)first;
		entry.xattrs_count = 0;
		return tar_write_entry(packer->tar, &entry, err);
	}
	return entry.type == TAR_FILE ? write_file(packer, content, &entry, err)
				      : tar_write_entry(packer->tar, &entry, err);
}

/* ---- changes ---- */
static int write_whiteout(struct packer *packer, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	auto_free char *hidden = xasprintf("%.*s.wh.%s", (int)(name - path), path, name);
	return tar_write_entry(packer->tar, &(struct tar_entry){.type = TAR_FILE, .path = hidden}, err);
}

int pack_changes(const struct changes *changes, int tree_fd, int out_fd, struct error *err)
{
	CLEANUP(packer_close) struct packer packer = {0};
	int r = packer_open(&packer, out_fd, err);
	for (size_t i = 0; r == 0 && i < changes->count; i++) {
		const struct change *change = &changes->items[i];
		struct content content = {tree_fd, change->path, CONTENTS_UPPER, change->file, change->linked};
		r = change->kind == CHANGE_DELETED ? write_whiteout(&packer, change->path, err)
						   : write_entry(&packer, change->path, &change->facts, &content, err);
	}
	return r < 0 ? r : tar_writer_finish(packer.tar, err);
}

/* ---- contents ---- */
struct whole {
	struct packer packer;
	struct strbuf path;
	int tree_fd;
	int *layers; /* descriptors of their diff directories */
	size_t count;
};

static void whole_close(struct whole *whole)
{
	for (size_t i = 0; i < whole->count; i++)
		close(whole->layers[i]);
	free(whole->layers);
	strbuf_free(&whole->path);
	packer_close(&whole->packer);
}

static int open_layers(struct store *store, const struct contents *contents, struct whole *whole, struct error *err)
{
	whole->layers = xcalloc(contents->layers.count + 1, sizeof(int));
	for (size_t i = 0; i < contents->layers.count; i++) {
		auto_close int layer = layer_open(store, contents->layers.items[i], err);
		if (layer < 0)
			return layer;
		int fd = openat(layer, "diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return error_sys(err, errno, "open layer %s", contents->layers.items[i]);
		whole->layers[whole->count++] = fd;
	}
	return 0;
}

static int write_node(struct whole *whole, const struct contents_node *node,
		      struct error *err) /* NOLINT(misc-no-recursion) */
{
	const char *path = strbuf_text(&whole->path);
	struct content content = {.fd = node->source == CONTENTS_UPPER ? whole->tree_fd : whole->layers[node->source],
				  .place = path,
				  .source = node->source,
				  .file = node->file,
				  .linked = node->linked};
	int r = *path ? write_entry(&whole->packer, path, &node->facts, &content, err) : 0;
	size_t length = whole->path.length;
	for (size_t i = 0; r == 0 && i < node->count; i++) {
		strbuf_printf(&whole->path, "%s%s", length ? "/" : "", node->children[i]->name);
		r = write_node(whole, node->children[i], err);
		strbuf_truncate(&whole->path, length);
	}
	return r;
}

int pack_contents(struct store *store, const struct contents *contents, int tree_fd, int out_fd, struct error *err)
{
	CLEANUP(whole_close) struct whole whole = {.tree_fd = tree_fd};
	auto_revealed struct revealed revealed = {0};
	int r = packer_open(&whole.packer, out_fd, err);
	if (r == 0)
		r = layers_reveal(store, &contents->layers, &revealed, err);
	if (r == 0)
		r = open_layers(store, contents, &whole, err);
	if (r == 0)
		r = write_node(&whole, contents->root, err);
	return r < 0 ? r : tar_writer_finish(whole.packer.tar, err);
}
