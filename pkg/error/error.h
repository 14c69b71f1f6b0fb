/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error: how every function of coracle says what went wrong.
 *
 * A function that can fail returns 0 (or a count) on success and a negative errno value on failure, takes a
 * `struct error *err` as its last parameter and fills it with one line of plain words: what was being done, to what,
 * why it failed and, where there is one, the way out. Callers add what they know with error_context(). Nobody below
 * src/ prints; the command line prints the line once, as "Error: <text>".
 *
 * `err` may be NULL where the caller does not want the words. Output parameters are named ret_… and are not touched
 * on failure. The object is a plain value: no allocation, so that it works when memory has run out, and nothing to free.
 */
#pragma once

#include <stddef.h>

/* Room for one line; a longer one is cut at the end, never overrun. */
#define ERROR_TEXT_MAX 1024

struct error {
	int errnum; /* positive errno value; 0 when nothing failed */
	int status; /* exit status the program should end with (126, 127 …); 0: the command's usual one (125) */
	char text[ERROR_TEXT_MAX];
};

#define ERROR_INIT ((struct error){.errnum = 0})

/* Sets err to "<format>" for the positive errno value `errnum`, which is not spelled out: for causes that are our own
 * words. Returns -errnum, so that `return error_set(err, EINVAL, "…")` is the idiom. A zero errnum becomes EIO. */
int error_set(struct error *err, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with ": <strerror(errnum)>" behind the text: for a failed system call. `errnum` may be given with either
 * sign. Returns -errnum. */
int error_sys(struct error *err, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set, and the program that meets it ends with `status`. */
int error_set_status(struct error *err, int errnum, int status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "<format>: " before the text that is there. Returns -err->errnum (or -EIO when err is NULL or empty). */
int error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<format>" behind the text, for the way out ("…; install the package uidmap"). Returns as error_context. */
int error_advice(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties err. */
void error_clear(struct error *err);
