/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle: the program people call, and the one that starts containers.
 */
#define CORACLE(symbol)   &(symbol)
#define TRANSPORT(symbol) NULL
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpod/launch/launch.h"
#include "libpod/network/heal.h"
#include "libpod/network/keeper/keeper.h"
#include "src/front/registry.h"

/* Not a user's command: a container's monitor executes it for a restart. */
static int relaunch(const char *descriptor)
{
	struct error err = ERROR_INIT;
	launch_relaunch(atoi(descriptor), &err);
	fprintf(stderr, "Error: %s\n", err.text);
	return 125;
}

/* Nor is this: the networks' keeper was killed, and its parent executes it (libpod/network/keeper/watch.c). */
static int heal(const char *root, const char *run)
{
	struct error err = ERROR_INIT;
	auto_store struct store *store = NULL;
	int r = store_open_settled(root, run, NULL, &store, &err);
	if (r < 0 || network_heal_patiently(store, &err) < 0)
		return 125;
	keeper_forget(store->run_fd);
	return 0;
}

/* Nor is this: for helpers of its network that have died. */
static int mend(const char *descriptor, const char *report)
{
	struct error err = ERROR_INIT;
	return launch_mend(atoi(descriptor), atoi(report), &err) < 0 ? 125 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--relaunch") == 0)
		return relaunch(argv[2]);
	if (argc == 4 && strcmp(argv[1], "--heal") == 0)
		return heal(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "--mend") == 0)
		return mend(argv[2], argv[3]);
	return front_main(argc, argv, &(struct front){registry, ARRAY_SIZE(registry), "coracle-transport"});
}
