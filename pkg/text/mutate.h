/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: what a fuzzer would do for a moment. Gives a fuzz target each seed, each of its beginnings, and changed
 * copies, always the same ones.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "pkg/text/text.h"

typedef int fuzz_target(const uint8_t *data, size_t size);

static inline uint32_t mutate_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* One change: a byte, a piece that is left out, or one that is there twice. */
static inline size_t mutate_once(uint8_t *data, size_t size, size_t room, uint32_t *state)
{
	size_t at = mutate_random(state) % size, length = 1 + mutate_random(state) % 8;
	if (at + length > size)
		length = size - at;
	switch (mutate_random(state) % 3) {
	case 0:
		data[at] = (uint8_t)mutate_random(state);
		return size;
	case 1:
		memmove(data + at, data + at + length, size - at - length);
		return size - length;
	default:
		if (size + length > room)
			return size;
		memmove(data + at + length, data + at, size - at);
		return size + length;
	}
}

static inline void mutate_seed(const char *seed, int rounds, fuzz_target *target)
{
	uint32_t state = 2463534242U;
	size_t length = strlen(seed), room = 2 * length + 64;
	for (size_t i = 0; i <= length; i++)
		target((const uint8_t *)seed, i);
	for (int round = 0; round < rounds; round++) {
		auto_free uint8_t *data = xmalloc(room);
		size_t size = length;
		memcpy(data, seed, length);
		for (uint32_t changes = 1 + mutate_random(&state) % 4; size > 0 && changes > 0; changes--)
			size = mutate_once(data, size, room, &state);
		target(data, size);
	}
}
