/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/error/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int normalize(int errnum)
{
	errnum = abs(errnum);
	return errnum ? errnum : EIO;
}

int error_set(struct error *err, int errnum, const char *format, ...)
{
	errnum = normalize(errnum);
	if (!err)
		return -errnum;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	err->errnum = errnum;
	err->status = 0;
	return -errnum;
}

int error_set_status(struct error *err, int errnum, int status, const char *format, ...)
{
	errnum = normalize(errnum);
	if (!err)
		return -errnum;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	err->errnum = errnum;
	err->status = status;
	return -errnum;
}

int error_sys(struct error *err, int errnum, const char *format, ...)
{
	errnum = normalize(errnum);
	if (!err)
		return -errnum;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", strerror(errnum));
	err->errnum = errnum;
	err->status = 0;
	return -errnum;
}

int error_context(struct error *err, const char *format, ...)
{
	if (!err || !err->errnum)
		return -EIO;
	char before[ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(before, sizeof(before), format, args);
	va_end(args);
	if (n < 0)
		return -err->errnum;
	size_t length = strnlen(before, sizeof(before) - 3);
	memcpy(before + length, ": ", 3);
	length += 2;
	size_t kept = strlen(err->text);
	if (length + kept >= sizeof(err->text))
		kept = sizeof(err->text) - 1 - length;
	memmove(err->text + length, err->text, kept);
	memcpy(err->text, before, length);
	err->text[length + kept] = '\0';
	return -err->errnum;
}

int error_advice(struct error *err, const char *format, ...)
{
	if (!err || !err->errnum)
		return -EIO;
	size_t used = strlen(err->text);
	va_list args;
	va_start(args, format);
	vsnprintf(err->text + used, sizeof(err->text) - used, format, args);
	va_end(args);
	return -err->errnum;
}

void error_clear(struct error *err)
{
	if (err)
		*err = ERROR_INIT;
}
