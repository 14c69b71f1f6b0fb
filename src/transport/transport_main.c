/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-transport: the commands that fetch, pack and unpack images. `coracle` starts it.
 */
#define CORACLE(symbol)   NULL
#define TRANSPORT(symbol) &(symbol)
#include "src/front/registry.h"

int main(int argc, char **argv)
{
	return front_main(argc, argv, &(struct front){registry, ARRAY_SIZE(registry), NULL});
}
