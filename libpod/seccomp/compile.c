/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libpod/seccomp/seccomp_internal.h"
#include "pkg/file/file.h"

#define ARGUMENTS_MAX 6

static inline void context_free(void **context)
{
	if (*context)
		seccomp_release(*context);
}

static int parse_action(const char *name, uint32_t errno_return, uint32_t *ret, struct error *err)
{
	const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
	    {"SCMP_ACT_KILL", SCMP_ACT_KILL},
	    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(errno_return)},
	    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(errno_return)},
	    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
	};
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i].name, name) == 0) {
			*ret = actions[i].action;
			return 0;
		}
	if (strcmp(name, "SCMP_ACT_NOTIFY") == 0)
		return error_set(err, ENOTSUP,
				 "SCMP_ACT_NOTIFY is not supported: it hands system calls over to a program outside, "
				 "and there is none");
	return error_set(err, EINVAL, "unknown action '%s'", name);
}

static int read_action(struct json_object *object, const char *key, const char *errno_key, uint32_t *ret,
		       struct error *err)
{
	const char *name;
	int64_t errno_return = EPERM;
	int r = json_get_string(object, key, &name, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, EINVAL, "%s is missing", key);
	if ((r = json_get_int(object, errno_key, 0, UINT16_MAX, &errno_return, err)) < 0)
		return r;
	return parse_action(name, (uint32_t)errno_return, ret, err);
}

static int read_operator(struct json_object *argument, enum scmp_compare *ret, struct error *err)
{
	static const struct {
		const char *name;
		enum scmp_compare operator;
	} operators[] = {
	    {"SCMP_CMP_NE", SCMP_CMP_NE},
	    {"SCMP_CMP_LT", SCMP_CMP_LT},
	    {"SCMP_CMP_LE", SCMP_CMP_LE},
	    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
	    {"SCMP_CMP_GE", SCMP_CMP_GE},
	    {"SCMP_CMP_GT", SCMP_CMP_GT},
	    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	};
	const char *name = "";
	int r = json_get_string(argument, "op", &name, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (strcmp(operators[i].name, name) == 0) {
			*ret = operators[i].operator;
			return 0;
		}
	return error_set(err, EINVAL, "op: unknown operator '%s'", name);
}

static int read_argument(struct json_object *object, struct scmp_arg_cmp *ret, struct error *err)
{
	int64_t index = -1;
	uint64_t value = 0, second = 0;
	enum scmp_compare operator= SCMP_CMP_EQ;
	int r;
	if ((r = json_get_int(object, "index", 0, ARGUMENTS_MAX - 1, &index, err)) < 0 ||
	    (r = json_get_uint64(object, "value", &value, err)) < 0 ||
	    (r = json_get_uint64(object, "valueTwo", &second, err)) < 0 ||
	    (r = read_operator(object, &operator, err)) < 0)
		return r;
	if (index < 0)
		return error_set(err, EINVAL, "index is missing");
	*ret = (struct scmp_arg_cmp){(unsigned int)index, operator, value, second};
	return 0;
}

struct group {
	uint32_t action;
	struct scmp_arg_cmp arguments[2 * ARGUMENTS_MAX];
	size_t arguments_count;
	bool alternatives; /* an argument is compared with several values: any of them will do */
};

static int read_group(struct json_object *object, struct group *ret, struct error *err)
{
	struct json_object *args;
	*ret = (struct group){0};
	int r = read_action(object, "action", "errnoRet", &ret->action, err);
	if (r < 0 || (r = json_get_array(object, "args", &args, err)) <= 0)
		return r;
	size_t count = json_object_array_length(args);
	if (count > ARRAY_SIZE(ret->arguments))
		return error_set(err, EINVAL, "args: more than %zu", ARRAY_SIZE(ret->arguments));
	unsigned int seen = 0;
	for (size_t i = 0; i < count; i++) {
		if ((r = read_argument(json_object_array_get_idx(args, i), &ret->arguments[i], err)) < 0)
			return error_context(err, "args[%zu]", i);
		ret->alternatives |= seen & (1U << ret->arguments[i].arg);
		seen |= 1U << ret->arguments[i].arg;
	}
	ret->arguments_count = count;
	return 0;
}

static int add_rules(scmp_filter_ctx context, const struct group *group, int number)
{
	if (!group->alternatives)
		return seccomp_rule_add_array(context, group->action, number, (unsigned int)group->arguments_count,
					      group->arguments);
	for (size_t i = 0; i < group->arguments_count; i++) {
		int r = seccomp_rule_add_array(context, group->action, number, 1, &group->arguments[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_group(scmp_filter_ctx context, struct json_object *object, uint32_t default_action, struct error *err)
{
	struct group group;
	auto_strv struct strv names = STRV_INIT;
	int r;
	if ((r = read_group(object, &group, err)) < 0 || (r = json_get_strv(object, "names", &names, err)) < 0)
		return r;
	/* What is the rule for all already is refused by libseccomp. */
	if (group.action == default_action)
		return 0;
	for (size_t i = 0; i < names.count; i++) {
		/* A name that is unknown here belongs to another architecture, or to a newer kernel: the default action
		 * holds for it. */
		int number = seccomp_syscall_resolve_name(names.items[i]);
		if (number == __NR_SCMP_ERROR)
			continue;
		if ((r = add_rules(context, &group, number)) < 0)
			return error_sys(err, r, "system call %s", names.items[i]);
	}
	return 0;
}

static int add_architectures(scmp_filter_ctx context, struct json_object *oci, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	int r = json_get_strv(oci, "architectures", &names, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		char name[32];
		const char *given =
		    names.items[i] + (text_starts_with(names.items[i], "SCMP_ARCH_") ? strlen("SCMP_ARCH_") : 0);
		size_t length = strlen(given);
		for (size_t c = 0; c <= length && c < sizeof(name); c++)
			name[c] = given[c] >= 'A' && given[c] <= 'Z' ? (char)(given[c] - 'A' + 'a') : given[c];
		uint32_t token = length < sizeof(name) ? seccomp_arch_resolve_name(name) : 0;
		if (token == 0)
			return error_set(err, EINVAL, "architectures: unknown architecture '%s'", names.items[i]);
		r = seccomp_arch_add(context, token);
		if (r < 0 && r != -EEXIST)
			return error_sys(err, r, "architecture %s", names.items[i]);
	}
	return 0;
}

static int read_flags(struct json_object *oci, uint32_t *ret, struct error *err)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} flags[] = {
	    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	};
	auto_strv struct strv names = STRV_INIT;
	int r = json_get_strv(oci, "flags", &names, err);
	for (size_t i = 0; r > 0 && i < names.count; i++) {
		size_t f = 0;
		while (f < ARRAY_SIZE(flags) && strcmp(flags[f].name, names.items[i]) != 0)
			f++;
		if (f == ARRAY_SIZE(flags))
			return error_set(err, ENOTSUP, "flags: %s is not supported", names.items[i]);
		*ret |= flags[f].flag;
	}
	return r < 0 ? r : 0;
}

static int export_program(scmp_filter_ctx context, struct seccomp_filter *ret, struct error *err)
{
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "make a file in memory");
	int r = seccomp_export_bpf(context, fd);
	if (r < 0)
		return error_sys(err, r, "compile it");
	auto_free char *program = NULL;
	size_t length;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(err, errno, "read it back");
	if ((r = file_read_fd(fd, "compiled filter", BPF_MAXINSNS * sizeof(struct sock_filter), &program, &length,
			      err)) < 0)
		return r;
	ret->program = TAKE_PTR(program);
	ret->count = (uint16_t)(length / sizeof(struct sock_filter));
	return 0;
}

int profile_compile(struct json_object *oci, struct seccomp_filter *ret, struct error *err)
{
	struct json_object *groups = NULL;
	uint32_t default_action = SCMP_ACT_KILL_PROCESS, flags = 0;
	int r;
	if ((r = read_action(oci, "defaultAction", "defaultErrnoRet", &default_action, err)) < 0 ||
	    (r = read_flags(oci, &flags, err)) < 0 || (r = json_get_array(oci, "syscalls", &groups, err)) < 0)
		return r;
	CLEANUP(context_free) scmp_filter_ctx context = seccomp_init(default_action);
	if (!context)
		return error_sys(err, ENOMEM, "compile it");
	/* 2: a binary tree over the numbers, instead of one comparison after the other. */
	if ((r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)) < 0 ||
	    (r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) < 0)
		return error_sys(err, r, "compile it");
	if ((r = add_architectures(context, oci, err)) < 0)
		return r;
	for (size_t i = 0; groups && i < json_object_array_length(groups); i++)
		if ((r = add_group(context, json_object_array_get_idx(groups, i), default_action, err)) < 0)
			return error_context(err, "syscalls[%zu]", i);
	if ((r = export_program(context, ret, err)) < 0)
		return r;
	ret->flags = flags;
	return 0;
}
