/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a compiled filter small. The kernel checks, translates and, for its cache of plain answers, interprets a filter
 * for every system call when it is installed: a third of a millisecond for the 1500 instructions that libseccomp makes
 * of the default profile, one for each call of each architecture. But most neighbours have the same answer.
 *
 * The program is interpreted here for each architecture that it knows and each number at which its answer can change:
 * the numbers that it compares with. Where the arguments are not looked at the answer is an action; otherwise it is the
 * place where the looking begins. Runs of numbers with the same answer become one leaf of a binary tree; the places are
 * copied as they are. What has an instruction that is not expected is left alone.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "libpod/seccomp/seccomp_internal.h"

#define ARCHITECTURES_MAX 8
#define NO_PLACE          UINT32_MAX

struct code {
	struct sock_filter *items;
	size_t count, capacity;
};

/* What the program says to a number: an action, or the place where it begins to look at arguments. */
struct answer {
	uint32_t action;
	uint32_t place; /* NO_PLACE: an action */
};

struct run {
	uint32_t first;
	struct answer answer;
};

struct optimizer {
	const struct sock_filter *program;
	size_t count;
	uint32_t *points; /* sorted numbers at which an answer can change */
	size_t points_count;
	uint32_t architectures[ARCHITECTURES_MAX];
	size_t architectures_count;
	struct run *runs; /* of the architecture at hand */
	size_t runs_count;
	struct code code;
	size_t *leaves; /* instructions that are to jump to a place, which is in their k as yet */
	size_t leaves_count;
};

static void optimizer_free(struct optimizer *optimizer)
{
	free(optimizer->points);
	free(optimizer->runs);
	free(optimizer->code.items);
	free(optimizer->leaves);
}

/* Returns where it is. */
static size_t emit(struct code *code, uint16_t operation, uint8_t if_true, uint8_t if_false, uint32_t k)
{
	if (code->count == code->capacity) {
		code->capacity = code->capacity ? 2 * code->capacity : 256;
		code->items = xrealloc(code->items, code->capacity * sizeof(*code->items));
	}
	code->items[code->count] = (struct sock_filter){operation, if_true, if_false, k};
	return code->count++;
}

/* ---- interpreting ---- */

static bool compare(uint16_t operation, uint32_t value, uint32_t k)
{
	switch (BPF_OP(operation)) {
	case BPF_JEQ:
		return value == k;
	case BPF_JGT:
		return value > k;
	case BPF_JGE:
		return value >= k;
	default:
		return value & k;
	}
}

static bool is_comparison(uint16_t operation)
{
	return BPF_CLASS(operation) == BPF_JMP && BPF_OP(operation) != BPF_JA && BPF_SRC(operation) == BPF_K;
}

/* Architectures that the program compares with are remembered, if `remember`. False: it has something that is not
 * expected. */
static bool interpret(struct optimizer *optimizer, uint32_t architecture, uint32_t number, bool remember,
		      struct answer *ret)
{
	uint32_t value = 0;
	bool is_architecture = false;
	for (size_t at = 0; at < optimizer->count;) {
		const struct sock_filter *now = &optimizer->program[at];
		if (now->code == (BPF_LD | BPF_W | BPF_ABS)) {
			is_architecture = now->k == offsetof(struct seccomp_data, arch);
			if (!is_architecture && now->k != offsetof(struct seccomp_data, nr)) {
				*ret = (struct answer){0, (uint32_t)at};
				return true;
			}
			value = is_architecture ? architecture : number;
			at++;
		} else if (now->code == (BPF_RET | BPF_K)) {
			*ret = (struct answer){now->k, NO_PLACE};
			return true;
		} else if (now->code == (BPF_JMP | BPF_JA)) {
			at += 1 + (size_t)now->k;
		} else if (is_comparison(now->code) && BPF_OP(now->code) != BPF_JSET) {
			if (is_architecture && remember) {
				if (BPF_OP(now->code) != BPF_JEQ || optimizer->architectures_count == ARCHITECTURES_MAX)
					return false;
				optimizer->architectures[optimizer->architectures_count++] = now->k;
			}
			at += 1 + (size_t)(compare(now->code, value, now->k) ? now->jt : now->jf);
		} else {
			return false;
		}
	}
	return false;
}

/* ---- where answers change ---- */

static int by_value(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return left < right ? -1 : left > right;
}

static void collect_points(struct optimizer *optimizer)
{
	optimizer->points = xcalloc(2 * optimizer->count + 1, sizeof(uint32_t));
	size_t count = 1; /* 0 */
	for (size_t i = 0; i < optimizer->count; i++)
		if (is_comparison(optimizer->program[i].code)) {
			optimizer->points[count++] = optimizer->program[i].k;
			if (optimizer->program[i].k < UINT32_MAX)
				optimizer->points[count++] = optimizer->program[i].k + 1;
		}
	qsort(optimizer->points, count, sizeof(uint32_t), by_value);
	optimizer->points_count = 0;
	for (size_t i = 0; i < count; i++)
		if (i == 0 || optimizer->points[i] != optimizer->points[optimizer->points_count - 1])
			optimizer->points[optimizer->points_count++] = optimizer->points[i];
	optimizer->runs = xcalloc(optimizer->points_count, sizeof(*optimizer->runs));
}

static bool collect_runs(struct optimizer *optimizer, uint32_t architecture)
{
	struct run *last = NULL;
	optimizer->runs_count = 0;
	for (size_t i = 0; i < optimizer->points_count; i++) {
		struct run run = {.first = optimizer->points[i]};
		if (!interpret(optimizer, architecture, run.first, false, &run.answer))
			return false;
		if (last && last->answer.action == run.answer.action && last->answer.place == run.answer.place)
			continue;
		last = optimizer->runs + optimizer->runs_count++;
		*last = run;
	}
	return true;
}

/* An architecture that the program does not know. */
static uint32_t unknown_architecture(const struct optimizer *optimizer)
{
	uint32_t unknown = 0;
	for (size_t i = 0; i < optimizer->points_count && optimizer->points[i] == unknown; i++)
		unknown++;
	return unknown;
}

/* ---- writing ---- */

static void emit_leaf(struct optimizer *optimizer, const struct answer *answer)
{
	if (answer->place == NO_PLACE) {
		emit(&optimizer->code, BPF_RET | BPF_K, 0, 0, answer->action);
		return;
	}
	optimizer->leaves = xrealloc(optimizer->leaves, (optimizer->leaves_count + 1) * sizeof(*optimizer->leaves));
	optimizer->leaves[optimizer->leaves_count++] = emit(&optimizer->code, BPF_JMP | BPF_JA, 0, 0, answer->place);
}

/* How many instructions a tree over so many runs has. A comparison reaches 255 instructions far; behind it is a jump
 * where that is not enough. */
static size_t tree_size(size_t runs)
{
	if (runs == 1)
		return 1;
	size_t left = tree_size(runs / 2);
	return (left <= UINT8_MAX ? 1 : 2) + left + tree_size(runs - runs / 2);
}

static void emit_tree(struct optimizer *optimizer, const struct run *runs, size_t count)
{
	if (count == 1) {
		emit_leaf(optimizer, &runs->answer);
		return;
	}
	size_t middle = count / 2, left = tree_size(middle);
	if (left <= UINT8_MAX) {
		emit(&optimizer->code, BPF_JMP | BPF_JGE | BPF_K, (uint8_t)left, 0, runs[middle].first);
	} else {
		emit(&optimizer->code, BPF_JMP | BPF_JGE | BPF_K, 0, 1, runs[middle].first);
		emit(&optimizer->code, BPF_JMP | BPF_JA, 0, 0, (uint32_t)left);
	}
	emit_tree(optimizer, runs, middle);
	emit_tree(optimizer, runs + middle, count - middle);
}

static void emit_architecture(struct optimizer *optimizer, uint32_t architecture)
{
	struct code *code = &optimizer->code;
	emit(code, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, architecture);
	size_t skip = emit(code, BPF_JMP | BPF_JA, 0, 0, 0);
	emit(code, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	emit_tree(optimizer, optimizer->runs, optimizer->runs_count);
	code->items[skip].k = (uint32_t)(code->count - skip - 1);
}

/* ---- the places where arguments matter ---- */

/* Marks what can be reached from the places; jumps only go forward. False: something that is not expected. */
static bool mark_reachable(const struct optimizer *optimizer, bool *reachable)
{
	for (size_t i = 0; i < optimizer->leaves_count; i++)
		reachable[optimizer->code.items[optimizer->leaves[i]].k] = true;
	for (size_t i = 0; i < optimizer->count; i++) {
		const struct sock_filter *now = &optimizer->program[i];
		size_t targets[2] = {i + 1, i + 1};
		if (!reachable[i] || BPF_CLASS(now->code) == BPF_RET)
			continue;
		if (now->code == (BPF_JMP | BPF_JA)) {
			targets[0] = targets[1] = i + 1 + now->k;
		} else if (is_comparison(now->code)) {
			targets[0] += now->jt;
			targets[1] += now->jf;
		} else if (now->code != (BPF_LD | BPF_W | BPF_ABS) && now->code != (BPF_ALU | BPF_AND | BPF_K)) {
			return false;
		}
		if (targets[0] >= optimizer->count || targets[1] >= optimizer->count)
			return false;
		reachable[targets[0]] = reachable[targets[1]] = true;
	}
	return true;
}

/* Copies them behind the trees. What lies between is left out, so that every distance becomes shorter or stays. */
static void copy_places(struct optimizer *optimizer, const bool *reachable)
{
	struct code *code = &optimizer->code;
	auto_free size_t *moved = xcalloc(optimizer->count + 1, sizeof(*moved));
	size_t next = code->count;
	for (size_t i = 0; i < optimizer->count; i++) {
		moved[i] = next;
		next += reachable[i];
	}
	for (size_t i = 0; i < optimizer->count; i++) {
		struct sock_filter copy = optimizer->program[i];
		if (!reachable[i])
			continue;
		if (copy.code == (BPF_JMP | BPF_JA)) {
			copy.k = (uint32_t)(moved[i + 1 + copy.k] - moved[i] - 1);
		} else if (is_comparison(copy.code)) {
			copy.jt = (uint8_t)(moved[i + 1 + copy.jt] - moved[i] - 1);
			copy.jf = (uint8_t)(moved[i + 1 + copy.jf] - moved[i] - 1);
		}
		emit(code, copy.code, copy.jt, copy.jf, copy.k);
	}
	for (size_t i = 0; i < optimizer->leaves_count; i++) {
		size_t leaf = optimizer->leaves[i];
		code->items[leaf].k = (uint32_t)(moved[code->items[leaf].k] - leaf - 1);
	}
}

static bool optimize(struct optimizer *optimizer)
{
	struct answer unknown, first;
	collect_points(optimizer);
	if (!interpret(optimizer, unknown_architecture(optimizer), 0, true, &unknown) || unknown.place != NO_PLACE)
		return false;
	emit(&optimizer->code, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < optimizer->architectures_count; i++) {
		if (!interpret(optimizer, optimizer->architectures[i], 0, false, &first) ||
		    !collect_runs(optimizer, optimizer->architectures[i]))
			return false;
		emit_architecture(optimizer, optimizer->architectures[i]);
	}
	emit(&optimizer->code, BPF_RET | BPF_K, 0, 0, unknown.action);
	auto_free bool *reachable = xcalloc(optimizer->count, sizeof(*reachable));
	if (!mark_reachable(optimizer, reachable))
		return false;
	copy_places(optimizer, reachable);
	return optimizer->code.count < optimizer->count;
}

void program_optimize(struct seccomp_filter *filter)
{
	CLEANUP(optimizer_free) struct optimizer optimizer = {.program = filter->program, .count = filter->count};
	if (!optimize(&optimizer))
		return;
	free(filter->program);
	filter->count = (uint16_t)optimizer.code.count;
	filter->program = TAKE_PTR(optimizer.code.items);
}
