/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	gendocs man TEMPLATE DIRECTORY
 *	gendocs bash|zsh|fish TEMPLATE
 *	gendocs list
 */
#include <errno.h>
#include <string.h>

#define CORACLE(symbol)   &(symbol)
#define TRANSPORT(symbol) &(symbol)
#include "src/front/registry.h"
#include "src/gendocs/gendocs.h"

static int run(const struct front *front, int argc, char **argv, struct error *err)
{
	const char *mode = argc > 1 ? argv[1] : "";
	const char *template = argc > 2 ? argv[2] : "";
	if (argc == 4 && !strcmp(mode, "man"))
		return docs_manual(front, template, argv[3], err);
	if (argc == 3 && !strcmp(mode, "bash"))
		return docs_bash(front, template, stdout, err);
	if (argc == 3 && !strcmp(mode, "zsh"))
		return docs_zsh(front, template, stdout, err);
	if (argc == 3 && !strcmp(mode, "fish"))
		return docs_fish(front, template, stdout, err);
	if (argc != 2 || strcmp(mode, "list") != 0)
		return error_set(err, EINVAL, "usage: gendocs man TEMPLATE DIRECTORY | bash|zsh|fish TEMPLATE | list");
	docs_list(front, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const struct front front = {registry, ARRAY_SIZE(registry), NULL};
	struct error err = ERROR_INIT;
	if (docs_check(&front) > 0)
		return 1;
	int r = run(&front, argc, argv, &err);
	if (r >= 0 && fflush(stdout) != 0)
		r = error_sys(&err, errno, "write");
	if (r < 0)
		fprintf(stderr, "gendocs: %s\n", err.text);
	return r < 0;
}
