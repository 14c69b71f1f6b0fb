/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean …?" The distance is the number of letters to add, drop, change or swap with their neighbour (optimal
 * string alignment). A third of the word may be wrong; what the word is the beginning of comes after the misspellings.
 */
#include <string.h>

#include "pkg/cli/cli.h"

#define WORD_MAX 48

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *previous = rows[1], *current = rows[2];
	size_t a_length = strlen(a), b_length = strlen(b);
	if (a_length > WORD_MAX || b_length > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_length; j++)
		previous[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		current[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t changed = previous[j - 1] + (a[i - 1] != b[j - 1]);
			current[j] = least(changed, least(previous[j], current[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				current[j] = least(current[j], before[j - 2] + 1);
		}
		size_t *oldest = before;
		before = previous;
		previous = current;
		current = oldest;
	}
	return previous[b_length];
}

/* The lower the nearer; SIZE_MAX: not similar. */
static size_t rank(const char *word, const char *candidate)
{
	size_t length = strlen(word);
	size_t allowed = length < 4 ? 1 : (length + 1) / 3;
	size_t wrong = distance(word, candidate);
	if (wrong <= allowed && wrong < length)
		return wrong;
	if (length >= 2 && !strncmp(word, candidate, length))
		return WORD_MAX;
	return SIZE_MAX;
}

size_t cli_suggest(const char *word, const char *const *candidates, size_t count, const char **ret, size_t max)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		size_t candidate = rank(word, candidates[i]);
		if (candidate == SIZE_MAX)
			continue;
		size_t place = found;
		while (place > 0 && rank(word, ret[place - 1]) > candidate)
			place--;
		if (place >= max)
			continue;
		if (found < max)
			found++;
		memmove(&ret[place + 1], &ret[place], (found - place - 1) * sizeof(*ret));
		ret[place] = candidates[i];
	}
	return found;
}
