/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_writer: docker's json-file format, one line for each line of output: {"log":"text\n","stream":"stdout","time":"…"}.
 *
 * Escaping is that of Go's encoding/json: also < > & U+2028 U+2029, and what is not UTF-8 becomes U+FFFD. A line longer than LOG_LINE_MAX is several
 * entries, of which only the last ends in \n; so is what a process leaves unfinished at its end. All lines of one batch have one time.
 *
 * Rotation makes <log> into <log>.1, that into <log>.2, up to max_files in all. <log> is there at every moment: the new file is renamed over it,
 * after the old one got its second name. A full disk loses lines, never half of one: what does not fit is cut off again.
 *
 * Where there is much to log, disk space is reserved ahead of the end of the file, which makes writing much cheaper for the kernel; never more than
 * was logged in the same burst, and 64 MB. It is given back by log_settle(), at the end, and when the disk is full; what a killed monitor leaves of
 * it, the next log_open() gives back. The file's length never shows it.
 *
 * Of a burst beyond 64 MB, what comes is written through the page cache or past it (RWF_DONTCACHE, where kernel and file system can), whichever
 * has been faster lately. Past it is, where memory for gigabytes must first be found or would be taken from others; through it, where the disk is slow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX   ((size_t)16 * 1024)
#define LOG_PADDING    16 /* bytes of any value that can be read behind what is to be logged */
#define LOG_OUTPUT_MAX ((size_t)1024 * 1024)

struct log_writer {
	int fd; /* -1: nothing is logged */
	int dirfd;
	char name[96];
	int64_t size, max_size; /* bytes; max_size 0: no rotation */
	int64_t max_files;
	int64_t reserved; /* up to which offset; 0: nothing is */
	int64_t burst;	  /* bytes since the last log_settle() */
	int64_t reserve_from; /* at which burst */
	int64_t cost[2];  /* what writing took lately, ns per kB: through the page cache, past it; 0: not known */
	unsigned tries;
	int small_writes; /* in a row */
	size_t used; /* of output[] */
	char suffix[2][96]; /* what stands behind a line of stdout, of stderr, in this batch */
	size_t suffix_length;
	char output[LOG_OUTPUT_MAX];
};

/* Opens <dirfd>/<name>, appending. 0 or negative errno: then nothing is logged. */
int log_open(struct log_writer *log, int dirfd, const char *name, int64_t max_size, int64_t max_files);
/* Logs the complete lines of data, and of the rest all that is beyond LOG_LINE_MAX. Returns how much of it was logged; the caller brings the rest
 * again, with more behind it. `stream` 0: stdout, 1: stderr. `end`: nothing will follow, log all. LOG_PADDING bytes behind the data are read. */
size_t log_batch(struct log_writer *log, int stream, const uint8_t *data, size_t length, bool end);
/* There is nothing more for now, or not much. */
void log_settle(struct log_writer *log);

/* Inside: escapes `length` bytes, behind which LOG_PADDING more can be read, into out (room: 6 × length + 16); returns the end. */
char *log_escape(char *out, const uint8_t *data, size_t length);
/* How many of `length` bytes can be taken without cutting a character in two; at least 1. */
size_t log_whole_characters(const uint8_t *data, size_t length);
