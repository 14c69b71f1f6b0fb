# SPDX-License-Identifier: Apache-2.0
# The programs: what each is made of and what it links. See docs/architecture.md, "The programs".

bin_programs := build/coracle
libexec_programs := build/coracle-transport build/coracle-subid build/coracle-forward
bash_completions := build/completions/coracle.bash
zsh_completions := build/completions/_coracle
fish_completions := build/completions/coracle.fish
generated := build/man/stamp $(bash_completions) $(zsh_completions) $(fish_completions) $(HELLO_IMAGE)
# Which pages there are, the tables say: known when they have been written.
man_pages = $(shell ls build/man/*.1)
test_libs :=
libs-image_test := $(CRYPTO_LIBS)

programs = $(bin_programs) $(libexec_programs)

# On the way of every start: three small libraries, linked statically.
build/coracle: build/src/coracle_main.o $(archives)
	$(CC) $(all_cflags) $(LDFLAGS) $(STATIC) -o $@ $< $(archives) $(JSON_STATIC_LIBS) $(SECCOMP_STATIC_LIBS) $(CAP_STATIC_LIBS)

# One for each container, for as long as it lives: nothing but libc.
libexec_programs += build/coracle-monitor
build/coracle-monitor: build/libpod/monitor/monitor_main.o $(archives)
	$(CC) $(all_cflags) $(LDFLAGS) $(STATIC) -o $@ $< $(archives)

build/libpod/monitor/monitor_test: build/coracle-monitor

build/coracle-transport: build/src/transport/transport_main.o $(archives)
	$(CC) $(all_cflags) $(LDFLAGS) -pie -o $@ $< $(archives) $(transport_libs)

transport_libs = $(ARCHIVE_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS) $(SODIUM_LIBS) $(XXHASH_LIBS) $(ZSTD_LIBS) $(LZMA_LIBS) $(ISAL_LIBS) $(SUBID_LIBS) \
	$(JSON_LIBS) $(SECCOMP_LIBS) $(CAP_LIBS)

# The executor for other tools, statically as `coracle`.
libexec_programs += build/coracle-runtime
build/coracle-runtime: build/src/oci/runtime_main.o $(archives)
	$(CC) $(all_cflags) $(LDFLAGS) $(STATIC) -o $@ $< $(archives) $(JSON_STATIC_LIBS) $(SECCOMP_STATIC_LIBS) $(CAP_STATIC_LIBS)

# Pid 1 of --init, and what executes programs where our own executable must not be (libpod/runtime/program.c has it within). It is made of one
# file, without a C library and without what the compiler would want one for.
libexec_programs += build/coracle-init
build/coracle-init: $(srcdir)/libpod/init/init_main.c $(srcdir)/libpod/init/syscall.h build/config.stamp
	@mkdir -p $(@D)
	$(CC) -I$(srcdir) -std=gnu17 -O2 -g0 -Wall -Wextra -ffreestanding -fno-builtin -fno-stack-protector -fno-pie -fno-asynchronous-unwind-tables \
		-no-pie -static -nostdlib -Wl,--build-id=none -Wl,-z,noexecstack -o $@ $(srcdir)/libpod/init/init_main.c

build/libpod/runtime/program.o: build/coracle-init
libs-resolver_test := -lresolv
libs-runtime_test := $(SECCOMP_LIBS)
libs-security_test := $(SECCOMP_LIBS)
libs-mounts_test := $(SECCOMP_LIBS)
libs-exec_test := $(SECCOMP_LIBS)
libs-seccomp_test := $(SECCOMP_LIBS)
libs-optimize_test := $(SECCOMP_LIBS)
build/libpod/seccomp/seccomp.o: $(srcdir)/libpod/seccomp/default.json

# ---- manual pages and completions, written by a program that has all tables ----
build/gendocs: build/src/gendocs/gendocs_main.o $(archives)
	$(CC) $(all_cflags) $(LDFLAGS) -pie -o $@ $< $(archives) $(transport_libs)

build/man/stamp: build/gendocs $(srcdir)/man/coracle.1.in
	@rm -rf build/man && mkdir -p build/man
	build/gendocs man $(srcdir)/man/coracle.1.in build/man
	@touch $@

build/completions/coracle.%: build/gendocs $(srcdir)/completions/coracle.%.in
	@mkdir -p build/completions
	build/gendocs $* $(srcdir)/completions/coracle.$*.in >$@

# zsh looks for a file of this name.
build/completions/_coracle: build/completions/coracle.zsh
	cp $< $@

# Name service modules are loaded by name: this one cannot be static.
build/coracle-subid: build/rootless/idmap/subid_main.o
	$(CC) $(all_cflags) $(LDFLAGS) -pie -o $@ $< $(SUBID_LIBS)
build/rootless/idmap/idmap_test: | build/coracle-subid

# YAML becomes JSON, for who reads specifications of devices in it.
libexec_programs += build/coracle-yaml
build/coracle-yaml: build/libpod/cdi/yaml_main.o
	$(CC) $(all_cflags) $(LDFLAGS) -pie -o $@ $< $(FYAML_LIBS)

# ---- the built-in image: one static program, without what the others are instrumented with ----
build/hello: $(srcdir)/src/hello/hello_main.c build/config.stamp
	@mkdir -p build
	$(CC) -std=gnu17 -D_GNU_SOURCE -Os -Wall -Wextra -s -static -o $@ $<

build/hello.tar: build/hello $(srcdir)/src/hello/pack
	$(srcdir)/src/hello/pack build/hello $(ARCHITECTURE) $@

# It loads images, for which it asks for subordinate ids, as coracle-transport does: with the program beside it.
build/storage/archive/archive_test: | build/storage/archive/coracle-subid
build/storage/archive/coracle-subid: build/coracle-subid
	@mkdir -p $(@D)
	ln -sf ../../coracle-subid $@

libs-digest_test = $(CRYPTO_LIBS)
libs-key_test = $(CRYPTO_LIBS) $(SODIUM_LIBS)
libs-policy_test = $(CRYPTO_LIBS) $(SODIUM_LIBS)
libs-list_test = $(transport_libs)
libs-stream_test = $(transport_libs)
libs-compress_test = $(transport_libs)
libs-tar_test = $(transport_libs)
libs-writer_test = $(transport_libs)
libs-contents_test = $(transport_libs)
libs-recipe_test = $(transport_libs)
libs-unpack_test = $(transport_libs)
libs-original_test = $(transport_libs)
libs-archive_test = $(transport_libs)
libs-check_test = $(transport_libs)
libs-http_test = $(transport_libs)
libs-registry_test = $(transport_libs)
libs-upload_test = $(transport_libs)
libs-auth_test = $(CRYPTO_LIBS)

# The keeper of the bridge networks: one for each user who has containers on one, so it may link what a start may not.
libexec_programs += build/coracle-network
build/coracle-network: build/libpod/network/keeper/keeper_main.o $(archives)
	$(CC) $(all_cflags) $(LDFLAGS) -pie -o $@ $< $(archives) $(MNL_LIBS) $(NFTABLES_LIBS) $(JSON_LIBS) $(SECCOMP_LIBS) $(CAP_LIBS)

build/coracle-forward: build/libpod/network/forward/forward_main.o build/liblibpod.a build/libpkg.a
	$(CC) $(all_cflags) $(LDFLAGS) $(STATIC) -o $@ $< build/liblibpod.a build/libpkg.a
$(patsubst %,build/libpod/network/forward/%_test,forward control source): | build/coracle-forward
