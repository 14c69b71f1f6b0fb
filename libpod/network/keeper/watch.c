/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's parent. It has the keeper made again when that was killed, so that nobody has to look first: a container
 * that runs on gets its network back, and one that is just being started again by its monitor, which cannot make a
 * keeper, finds one.
 *
 * It is a copy of the keeper from before that had anything: it has no descriptors, nobody can send it anything, and it
 * sleeps for as long as all is well. It cannot give up more, for what it executes makes user namespaces. When it is
 * killed too, all is as if it had never been there (keeper.h).
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libpod/network/keeper/state.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"
#include "pkg/program/program.h"

#define AGAIN_MS 1000 /* between the starts of two keepers that did not live long: one that dies of us must not spin   \
		       */

_Noreturn void watch_keeper(pid_t keeper, const char *root, const char *run)
{
	int64_t begun = keeper_now_ms();
	auto_free char *coracle = NULL;
	int status;
	prctl(PR_SET_NAME, "coracle-net-mon");
	close_range(STDERR_FILENO + 1, ~0u, 0);
	if (process_wait(keeper, &status) < 0 || (WIFEXITED(status) && WEXITSTATUS(status) != KEEPER_LOST) ||
	    program_find("coracle", &coracle, NULL) < 0)
		_exit(0);
	int64_t lived = keeper_now_ms() - begun;
	if (lived < AGAIN_MS) {
		const struct timespec rest = {.tv_sec = 0, .tv_nsec = (AGAIN_MS - lived) * 1000000 - 1};
		nanosleep(&rest, NULL);
	}
	execl(coracle, "coracle", "--heal", root, run, NULL);
	_exit(127);
}
