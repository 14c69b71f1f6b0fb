/* SPDX-License-Identifier: Apache-2.0 */
/* prompt: asking before something is removed for good. */
#pragma once

#include <stdbool.h>

/* Prints the warning and docker's question, and reads a line from standard input. True after y or yes; its end is a no. */
bool prompt_continue(const char *warning);
