/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"

#define STATUS_FAILED 125

void report_failure(int report_fd, const struct error *err)
{
	struct runtime_report report = {.errnum = err->errnum, .status = err->status ? err->status : STATUS_FAILED};
	snprintf(report.text, sizeof(report.text), "%.*s", (int)sizeof(report.text) - 1, err->text);
	write_all(report_fd, &report, sizeof(report));
}

void report_and_exit(int report_fd, const struct error *err)
{
	report_failure(report_fd, err);
	_exit(err->status ? err->status : STATUS_FAILED);
}

/* The writer may have been one exec away from the container's program: nothing it says is taken on trust. */
int runtime_read_report(int fd, struct error *err)
{
	struct runtime_report report;
	ssize_t length = read_full(fd, &report, sizeof(report));
	if (length == 0)
		return 0;
	if (length < 0)
		return error_sys(err, (int)-length, "read the report of the container's process");
	if ((size_t)length != sizeof(report))
		return error_set(err, EIO, "the container's process was killed while it was being made");
	report.text[sizeof(report.text) - 1] = '\0';
	for (char *c = report.text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	int status = report.status >= STATUS_FAILED && report.status <= 127 ? report.status : STATUS_FAILED;
	int errnum = report.errnum > 0 && report.errnum < 4096 ? report.errnum : EIO;
	return error_set_status(err, errnum, status, "%s", report.text);
}
