/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pkg/process/process.h"

/* The smallest kept descriptor that is not below `from`; -1 when there is none. */
static int next_kept(int from, const int *keep, size_t keep_count)
{
	int next = -1;
	for (size_t i = 0; i < keep_count; i++)
		if (keep[i] >= from && (next < 0 || keep[i] < next))
			next = keep[i];
	return next;
}

/* Closes the gaps. Nothing is allocated or sorted in place: this runs between vfork and exec. */
void close_fds_except(int first, const int *keep, size_t keep_count)
{
	for (;;) {
		int kept = next_kept(first, keep, keep_count);
		if (kept != first)
			syscall(SYS_close_range, (unsigned int)first, kept < 0 ? UINT_MAX : (unsigned int)kept - 1, 0);
		if (kept < 0 || kept == INT_MAX)
			return;
		first = kept + 1;
	}
}
