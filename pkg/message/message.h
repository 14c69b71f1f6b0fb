/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: lines on standard error for the person at the terminal: "Warning: …", "Debug: …".
 *
 * An error that ends the program is not one of these on its way up: it is a `struct error`, and main() prints it with
 * message_error(), once. These are for what goes on all the same (message_warn) or is of interest only when something
 * is looked for (message_info, message_debug, message_trace; --log-level).
 *
 * The level is set once, by main(), before anything else runs, and only read after that. A line is one write(2), so
 * that the lines of several processes do not run into each other; a line that is longer than MESSAGE_MAX is cut.
 * Control characters (what a registry or an image wrote may be in the text) are shown as '?', since a terminal would
 * obey them.
 */
#pragma once

#include <stdbool.h>

#define MESSAGE_MAX 2048

enum message_level {
	MESSAGE_ERROR, /* always shown */
	MESSAGE_WARN,  /* unless told otherwise, up to here */
	MESSAGE_INFO,
	MESSAGE_DEBUG,
	MESSAGE_TRACE,
};

/* The names --log-level takes, parted by '|'. "fatal" is another word for "error". */
#define MESSAGE_LEVELS "trace|debug|info|warn|error|fatal"
/* The level of one of these names; MESSAGE_WARN for any other text, and for NULL. */
enum message_level message_level_from_name(const char *name);

/* Once, at the start of the program. */
void message_start(enum message_level level, bool color);
/* Whether a line of this level would be shown: for text that is costly to make. */
bool message_shown(enum message_level level);

void message(enum message_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define message_error(...) message(MESSAGE_ERROR, __VA_ARGS__)
#define message_warn(...)  message(MESSAGE_WARN, __VA_ARGS__)
#define message_info(...)  message(MESSAGE_INFO, __VA_ARGS__)
#define message_debug(...) message(MESSAGE_DEBUG, __VA_ARGS__)
#define message_trace(...) message(MESSAGE_TRACE, __VA_ARGS__)
