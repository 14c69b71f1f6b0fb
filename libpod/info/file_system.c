/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the file system under the store cannot do, and what coracle does about it. What can be seen by asking is asked
 * (attributes, where the locks are, the driver that the probe chose); what cannot is known of the kind.
 */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "libpod/info/info_internal.h"

static const struct {
	const char *types; /* parted by blanks; one that ends with a dot is a beginning */
	const char *text;
} kinds[] = {
    {"ext4 ext3 ext2 xfs btrfs f2fs bcachefs zfs", "a local file system that has all that is needed"},
    {"btrfs xfs bcachefs", "copies share their blocks, so that --storage-driver vfs takes little room"},
    {"tmpfs ramfs", "it is memory: images and containers take of it, and are gone with the next start of the machine"},
    {"nfs nfs4",
     "the server knows only your own id: files of subordinate ids cannot be made there, so images are unpacked with "
     "one id, or have to be single "
     "files; make them so with 'coracle image convert --squash', or put the store on a local disk with --root"},
    {"lustre beegfs gpfs ceph panfs afs cifs smb3 9p virtiofs",
     "many small files are slow there; 'coracle image convert --squash' makes one file of an image, and --root puts "
     "the store on a local disk"},
    {"nfs nfs4 lustre beegfs gpfs ceph panfs afs cifs smb3 9p",
     "the kernel's overlay cannot have its upper directory there, so fuse-overlayfs or whole copies are used"},
    {"overlay", "the store is itself on an overlay, as in a container: the kernel stacks no upper directory on it, so "
		"fuse-overlayfs or whole copies are used; "
		"a volume at the store's place helps"},
    {"ecryptfs fuse.", "the kernel's overlay may not work on it; then fuse-overlayfs or whole copies are used"},
    {"vfat exfat ntfs3 msdos", "it has neither owners nor modes nor links, and no image can be unpacked there; put the "
			       "store elsewhere with --root"},
};

static bool is_of(const char *types, const char *type)
{
	auto_strv struct strv words = STRV_INIT;
	strv_split(&words, types, ' ');
	for (size_t i = 0; i < words.count; i++)
		if (strcmp(words.items[i], type) == 0 ||
		    (text_ends_with(words.items[i], ".") && text_starts_with(type, words.items[i])))
			return true;
	return false;
}

static bool takes_attributes(int fd)
{
	char probe;
	return fgetxattr(fd, "user.coracle.probe", &probe, sizeof(probe)) >= 0 || errno == ENODATA;
}

static void add(struct json_object *array, const char *text)
{
	json_object_array_add(array, json_object_new_string(text));
}

void info_file_system(const struct store *store, const char *type, struct json_object *object)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is_of(kinds[i].types, type))
			add(array, kinds[i].text);
	if (!takes_attributes(store->root_fd))
		add(array, "it has no extended attributes for users: what layers delete is kept as .wh. files, for "
			   "fuse-overlayfs and copies");
	if (store->lock_fd >= 0)
		add(array, "locks are not to be trusted on it: they are files in /tmp of this machine, so two machines "
			   "must not change the same store at once");
	json_object_object_add(object, "fileSystemAdvice", array);
}
