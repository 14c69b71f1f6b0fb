/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup: the one resource idiom. A variable declared with one of these attributes gives its resource back when it
 * goes out of scope; ownership moves on explicitly with TAKE_PTR or TAKE_FD. There is no goto-style clean-up.
 *
 *	auto_close int fd = open(…, O_CLOEXEC);
 *	if (fd < 0) return error_sys(err, errno, "open %s", path);
 *	…
 *	*ret_fd = TAKE_FD(fd);
 *
 * Other modules define their own with DEFINE_CLEANUP (process handles, temporary directories, locks …).
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* DEFINE_CLEANUP(struct thing *, thing_free) makes thing_freep for CLEANUP(thing_freep); NULL is skipped. */
#define DEFINE_CLEANUP(type, function)               \
	static inline void function##p(type *object) \
	{                                            \
		if (*object)                         \
			function(*object);           \
	}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

/* Closes without disturbing errno. */
static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define auto_free CLEANUP(cleanup_free)
#define auto_close CLEANUP(cleanup_close)
#define auto_fclose CLEANUP(cleanup_fclose)
#define auto_closedir CLEANUP(cleanup_closedir)

#define TAKE_PTR(pointer)                            \
	__extension__({                              \
		__typeof__(pointer) taken = (pointer); \
		(pointer) = NULL;                    \
		taken;                               \
	})

#define TAKE_FD(fd)              \
	__extension__({          \
		int taken = (fd); \
		(fd) = -1;       \
		taken;           \
	})

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
