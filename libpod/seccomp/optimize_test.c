/* SPDX-License-Identifier: Apache-2.0 */
/* The program before and after, side by side: for every number, and arguments around those that are compared with, both
 * say the same. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libpod/seccomp/seccomp_internal.h"

#define X32_BIT 0x40000000U

/* The kernel's semantics, independent of the optimizer's. */
static uint32_t run(const struct seccomp_filter *filter, const struct seccomp_data *data)
{
	const struct sock_filter *program = filter->program;
	uint32_t a = 0;
	for (size_t pc = 0;; pc++) {
		assert_true(pc < filter->count);
		const struct sock_filter *i = &program[pc];
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %#x", i->code);
		}
	}
}

static void compare_answers(const struct seccomp_filter *before, const struct seccomp_filter *after)
{
	static const uint32_t architectures[] = {
	    AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0, 1, UINT32_MAX};
	static const uint64_t arguments[] = {
	    0, 1, 8, 40, 41, 0x20000, 0x20008, 0x2000000, 0x7e020000, 0x10000000, 0xffffffff, 0x100000000, UINT64_MAX};
	for (size_t a = 0; a < ARRAY_SIZE(architectures); a++)
		for (uint32_t n = 0; n < 1200; n++)
			for (size_t v = 0; v < ARRAY_SIZE(arguments); v++) {
				struct seccomp_data data = {.arch = architectures[a],
							    .nr = (int)(n < 600 ? n : n - 600 + X32_BIT)};
				for (size_t i = 0; i < 6; i++)
					data.args[i] = arguments[(v + i) % ARRAY_SIZE(arguments)];
				uint32_t expected = run(before, &data), found = run(after, &data);
				if (expected != found)
					fail_msg("architecture %#x, number %d, argument %#llx: %#x became %#x",
						 data.arch, data.nr, (unsigned long long)arguments[v], expected, found);
			}
}

static void copy(const struct seccomp_filter *from, struct seccomp_filter *to)
{
	*to =
	    (struct seccomp_filter){.program = xmalloc(from->count * sizeof(struct sock_filter)), .count = from->count};
	memcpy(to->program, from->program, from->count * sizeof(struct sock_filter));
}

static void check(const char *oci)
{
	auto_seccomp_filter struct seccomp_filter before = {0}, after = {0};
	auto_json struct json_object *profile = NULL;
	struct error err = ERROR_INIT;
	if (json_parse(oci, strlen(oci), "profile", &profile, &err) < 0 ||
	    profile_compile(profile, &before, &err) < 0 || !before.program) {
		fail_msg("%s", err.text);
		return;
	}
	copy(&before, &after);
	program_optimize(&after);
	assert_true(after.count <= before.count);
	compare_answers(&before, &after);
}

static void test_default_profile(void **state)
{
	(void)state;
	static const uint64_t capabilities[] = {0, 0xa80425fb, 1ULL << 21, UINT64_MAX};
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		auto_seccomp_filter struct seccomp_filter filter = {0};
		assert_int_equal(seccomp_default(-1, capabilities[i], &filter, NULL), 0);
		assert_in_range(filter.count, 50, 700);
		check(filter.oci);
	}
}

static void test_others(void **state)
{
	(void)state;
	check("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
	check("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],"
	      "\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\"}]}");
	check("{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X32\","
	      "\"SCMP_ARCH_X86\"],"
	      "\"syscalls\":[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,"
	      "\"value\":8,\"op\":\"SCMP_CMP_GE\"}]},"
	      "{\"names\":[\"mmap\",\"clone\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":1,\"value\":131072,"
	      "\"valueTwo\":131072,\"op\":\"SCMP_CMP_MASKED_EQ\"},"
	      "{\"index\":2,\"value\":4294967296,\"op\":\"SCMP_CMP_LT\"}]}]}");
}

/* A program with an instruction that is not expected stays as it is. */
static void test_unknown_programs_are_left_alone(void **state)
{
	(void)state;
	const struct sock_filter odd[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
					  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1),
					  BPF_STMT(BPF_RET | BPF_K, 2)};
	const struct seccomp_filter original = {.program = (void *)odd, .count = ARRAY_SIZE(odd)};
	auto_seccomp_filter struct seccomp_filter filter = {0};
	copy(&original, &filter);
	program_optimize(&filter);
	assert_int_equal(filter.count, ARRAY_SIZE(odd));
	assert_memory_equal(filter.program, odd, sizeof(odd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_default_profile),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_unknown_programs_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
