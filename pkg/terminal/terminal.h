/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal: raw mode, window size, detach keys, and whether to use colour. See termios(3), ioctl_tty(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "pkg/error/error.h"

/* ---- raw mode: every key goes to the container's own terminal, which echoes, edits and makes signals of them ---- */
/* Saves the settings of the terminal `fd` and makes it raw. -ENOTTY when it is none. */
int terminal_make_raw(int fd, struct termios *ret_saved, struct error *err);
/* Gives the terminal its settings back; also from a background process group, where others are stopped by SIGTTOU. Safe
 * in a signal handler; whoever makes a terminal raw restores it also when a signal ends the program. A terminal that is
 * gone is nothing to restore. */
void terminal_restore(int fd, const struct termios *saved);

/* ---- asking ---- */
/* Writes the prompt to the terminal `fd` and reads a line from it, without showing it when `echo` is false. The text has no line end, and is "" at the end of input;
 * malloc'd. -ENOTTY when it is none. Not for a program that has threads. */
int terminal_ask(int fd, const char *prompt, bool echo, char **ret, struct error *err);

/* ---- size: 0 or a negative errno. SIGWINCH says when it has changed. ---- */
int terminal_get_size(int fd, struct winsize *ret);
int terminal_set_size(int fd, const struct winsize *size);

/* ---- detach keys: the sequence that ends an attachment and leaves the container running ---- */
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define DETACH_KEYS_MAX     16
struct detach_keys {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t count;   /* 0: no sequence, nothing is ever held back */
	size_t matched; /* how much of the sequence has been typed, and was held back */
};
/* A list as --detach-keys takes it: characters and ctrl-<a…z @ [ \ ] ^ _>, parted by commas. "" is no sequence. */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct error *err);
/* Looks at `length` typed bytes. What is not of the sequence is laid into `out`, which has room for length +
 * DETACH_KEYS_MAX bytes: the beginning of a sequence is held back until it is known to be none. Returns true when the
 * sequence is complete; what was typed after it is dropped. */
bool detach_keys_feed(struct detach_keys *keys, const char *data, size_t length, char *out, size_t *ret_out_length);

/* Whether what is written to `fd` should be coloured: it is a terminal, and neither NO_COLOR is set nor TERM "dumb". */
bool terminal_use_color(int fd);
