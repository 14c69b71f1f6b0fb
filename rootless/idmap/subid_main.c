/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-subid: prints the calling user's name and subordinate ids, a line each:
 *
 *	user alice
 *	uid 100000 65536
 *	gid 100000 65536
 *
 * A program of its own, and a dynamic one, because libsubid (subid(3)) asks whatever /etc/nsswitch.conf names, by
 * loading modules. "None" is an answer, not a failure: libsubid does not tell the two apart either.
 */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <shadow/subid.h>

#ifdef SUBID_ABI_3
#define subid_get_uid_ranges get_subuid_ranges
#define subid_get_gid_ranges get_subgid_ranges
#endif

static void print_ranges(const char *kind, const struct subid_range *ranges, int count)
{
	for (int i = 0; i < count; i++)
		printf("%s %lu %lu\n", kind, ranges[i].start, ranges[i].count);
}

int main(void)
{
	char number[16];
	const struct passwd *entry = getpwuid(geteuid());
	snprintf(number, sizeof(number), "%" PRIu32, (uint32_t)geteuid());
	/* An id without a name, as batch systems and containers have: the files may list the number itself. */
	const char *user = entry ? entry->pw_name : number;
	printf("user %s\n", user);

	struct subid_range *ranges = NULL;
	int count = subid_get_uid_ranges(user, &ranges);
	print_ranges("uid", ranges, count);
	free(ranges);
	ranges = NULL;
	count = subid_get_gid_ranges(user, &ranges);
	print_ranges("gid", ranges, count);
	free(ranges);
	return ferror(stdout) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
