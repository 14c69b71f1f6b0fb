/* SPDX-License-Identifier: Apache-2.0 */
#include "src/prompt.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool prompt_continue(const char *warning)
{
	char answer[16];
	printf("%sAre you sure you want to continue? [y/N] ", warning);
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin)) {
		putchar('\n');
		return false;
	}
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
