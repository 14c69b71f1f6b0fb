/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/check/check.h"

int check_leftovers(struct check *check, struct error *err)
{
	auto_strv struct strv paths = STRV_INIT;
	int r = store_leftovers(check->store, &paths, err);
	if (r == 0 && check->repair)
		r = store_empty_trash(check->store, err);
	for (size_t i = 0; r == 0 && i < paths.count; i++)
		check_found(check, check->repair ? CHECK_MENDED : CHECK_WRONG, paths.items[i],
			    text_starts_with(paths.items[i], "tmp/") ? "a process that was killed left it"
								     : "it was removed, but not emptied");
	return r;
}
