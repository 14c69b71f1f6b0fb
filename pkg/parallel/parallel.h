/* SPDX-License-Identifier: Apache-2.0 */
/* parallel: the same thing done to many, by several threads. */
#pragma once

#include <stddef.h>

#include "pkg/error/error.h"

/* Does it to the one with this index. 0 or negative. */
typedef int (*parallel_function)(void *userdata, size_t index, struct error *err);

/* Calls the function for 0 … count - 1, at most `threads` at the same time, and waits for all. After a failure none is
 * begun any more; the first one is returned. The threads are gone on return. */
int parallel_run(size_t count, size_t threads, parallel_function function, void *userdata, struct error *err);
/* As many as there are processors, within these bounds. */
size_t parallel_threads(size_t min, size_t max);
