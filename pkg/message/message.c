/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/message/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"

/* Written by message_start() alone, before there is anything that could read it at the same time. */
static struct {
	enum message_level level;
	bool color;
} setting = {.level = MESSAGE_WARN};

static const struct {
	const char *name;
	const char *color;
} kinds[] = {
    [MESSAGE_ERROR] = {"Error", "\033[31m"}, [MESSAGE_WARN] = {"Warning", "\033[33m"}, [MESSAGE_INFO] = {"Info", ""},
    [MESSAGE_DEBUG] = {"Debug", ""},         [MESSAGE_TRACE] = {"Trace", ""},
};

enum message_level message_level_from_name(const char *name)
{
	static const struct {
		const char *name;
		enum message_level level;
	} levels[] = {
	    {"trace", MESSAGE_TRACE}, {"debug", MESSAGE_DEBUG}, {"info", MESSAGE_INFO},
	    {"error", MESSAGE_ERROR}, {"fatal", MESSAGE_ERROR},
	};
	for (size_t i = 0; name && i < ARRAY_SIZE(levels); i++)
		if (!strcmp(name, levels[i].name))
			return levels[i].level;
	return MESSAGE_WARN;
}

void message_start(enum message_level level, bool color)
{
	setting.level = level;
	setting.color = color;
}

bool message_shown(enum message_level level)
{
	return level <= setting.level;
}

/* C0 without tab and newline, DEL, and C1 as UTF-8 writes it (0xc2 0x80 … 0x9f). */
static void defuse(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at; at++) {
		if ((*at < ' ' && *at != '\t' && *at != '\n') || *at == 0x7f)
			*at = '?';
		if (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
			at[0] = at[1] = '?';
	}
}

void message(enum message_level level, const char *format, ...)
{
	if (!message_shown(level))
		return;
	char text[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		return;
	defuse(text);
	bool color = setting.color && kinds[level].color[0];
	char line[MESSAGE_MAX + 64];
	n = snprintf(line, sizeof(line), "%s%s:%s %s\n", color ? kinds[level].color : "", kinds[level].name,
		     color ? "\033[0m" : "", text);
	/* There is nobody left to tell when standard error itself fails. */
	ssize_t ignored = write(STDERR_FILENO, line, (size_t)n);
	(void)ignored;
}
