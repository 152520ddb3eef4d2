# SPDX-License-Identifier: GPL-2.0
# sluice: "make help" says what there is. Everything is built below build/.

MAKEFLAGS += --no-builtin-rules
SHELL     := /bin/bash
.DEFAULT_GOAL := all

CC       ?= gcc
ifeq ($(origin CC),default)
CC       := gcc
endif
CLANG    ?= $(firstword $(foreach c,clang clang-19 clang-14,$(shell command -v $(c))) clang)
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool) $(shell command -v bpftool) bpftool)
PREFIX   ?= /usr/local
DESTDIR  ?=
B        := build
Q        := $(if $(V),,@)
say       = $(if $(V),:,printf '  %-7s %s\n' $(1) $(2))

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)

# --- what a build needs: installed when something is missing -----------------

LIBS     := libbpf libmnl libuv jansson libcap-ng ncursesw libpcap zlib libelf
NEEDS    := $(CLANG) $(CC) $(BPFTOOL) flex bison pkg-config
missing  := $(strip $(foreach n,$(NEEDS),$(if $(shell command -v $(n) 2>/dev/null),,$(n))) \
	    $(shell pkg-config --exists $(LIBS) 2>/dev/null || echo libraries))
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),all)),)
ifneq ($(missing),)
$(info missing: $(missing))
deps     := $(shell tools/deps.sh build >&2 && echo ok)
ifneq ($(deps),ok)
$(error tools/deps.sh could not install what the build needs)
endif
endif
endif

LDLIBS   := $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lm
CPPFLAGS += -Iuserland -I. -I$(B)/gen -Ikmod/uapi -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"' \
	    $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
CFLAGS   += -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unknown-pragmas -fno-strict-aliasing
# Blocks stay in the order of the source: moved, the end of a loop falls through to its head,
# which Linux before 6.7 takes for a loop without end ("back-edge from insn").
BPFFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-address-of-packed-member \
	    -mllvm -disable-block-placement \
	    -I. -Ibpf -I/usr/include/$(shell $(CC) -print-multiarch)

# --- sources: a folder is a stage, and every file in it belongs to it ---------

PARTS    := base policy dd rules lower import lpm image fib compile analyse network verify netlink datapath flow
GRAMMAR  := $(B)/gen/policy/grammar.tab.c $(B)/gen/policy/lexer.c
BPFSRC   := $(wildcard bpf/*.bpf.c)
SKEL     := $(BPFSRC:bpf/%.bpf.c=$(B)/gen/datapath/%.skel.h)
LIBSRC   := $(foreach p,$(PARTS),$(wildcard userland/$(p)/*.c)) kmod/store.c
LIBOBJ   := $(LIBSRC:%.c=$(B)/obj/%.o) $(GRAMMAR:$(B)/gen/%.c=$(B)/obj/gen/%.o)
LIB      := $(B)/libsluice.a

objects   = $(patsubst %.c,$(B)/obj/%.o,$(filter-out %.bpf.c,$(wildcard $(1)/*.c)))
# BPF programs of the benchmarks and the tests: no part of the product.
OWNSKEL  := $(patsubst %.bpf.c,$(B)/gen/%.skel.h,$(wildcard tools/bench/*.bpf.c selftests/prog/*.bpf.c))
PRODUCTS := $(B)/sluice $(B)/sluiced $(B)/sluice-lab $(B)/sluice-bench
UNIT     := $(patsubst selftests/unit/%.c,$(B)/test/%,$(wildcard selftests/unit/test_*.c))
PROG     := $(patsubst selftests/prog/%.c,$(B)/test/%,$(wildcard selftests/prog/test_*.c))
# Run in a guest where the module is loaded: see selftests/vm/test_module.sh.
MODULE   := $(addprefix $(B)/test/,commits fuzz hold stress)
MODULEBPF := $(B)/gen/selftests/prog/deliver.bpf.o
MODULECOMMON := $(B)/obj/selftests/module/socket.o $(B)/obj/selftests/module/kernel_memory.o

.PHONY: all bpf userland tools kmod kmod-vm kmod-check demo test test-deps test-vm test-debug-kernel fuzz check style bench install uninstall clean help
.SECONDARY:

all: bpf userland tools

help:
	@echo "make all          the data path, sluiced, sluice, sluice-lab, sluice-bench, into build/"
	@echo "make bpf          the BPF objects (CLANG=clang-14 or clang-19)"
	@echo "make userland     sluiced"
	@echo "make tools        sluice, sluice-lab, sluice-bench"
	@echo "sudo make demo    a lab of namespaces: policy, traffic, routes, fan-out, heavy flows"
	@echo "sudo make test    all tests; TESTS='tree unit golden prog net fuzz vm' chooses; SLOW=1: full tables too"
	@echo "sudo make test-vm  the module and the BPF programs on Debian's kernel, in qemu guests (minutes)"
	@echo "sudo make test-debug-kernel  the module on a kernel with KASAN, lockdep, kmemleak; builds it first (long)"
	@echo "make fuzz         ten million inputs for each fuzz target; FUZZ='store message' RUNS=1000 choose"
	@echo "make check        includes that run against the layers"
	@echo "make style        formatting and static checks"
	@echo "sudo make bench   the benchmarks (long)"
	@echo "sudo make install, uninstall   below PREFIX=$(PREFIX), DESTDIR="
	@echo "make kmod         sluice.ko for the running kernel, or for KDIR=its headers; needs no root"
	@echo "make kmod-vm      the same for the kernel of the guests; kmod-check: what sparse and checkpatch say"
	@echo "make clean        removes build/"
	@echo "V=1 shows the commands."

bpf: $(SKEL)
userland: $(B)/sluiced
tools: $(B)/sluice $(B)/sluice-lab $(B)/sluice-bench

# What is compiled for CPUs that not all are, and asks before it goes there.
CFLAGS_bulk_avx2 := $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-mavx2 -mpopcnt)
# Bison's parser moves values and places member by member, and then as wholes: where those are loaded as
# vectors, each waits for its members' stores.
CFLAGS_grammar.tab := $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-mgeneral-regs-only)

# --- rules -------------------------------------------------------------------

$(B)/obj/%.o: %.c | $(SKEL) $(GRAMMAR)
	@mkdir -p $(@D)
	@$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(notdir $*)) -MMD -MP -c $< -o $@

$(B)/obj/gen/%.o: $(B)/gen/%.c | $(GRAMMAR)
	@mkdir -p $(@D)
	@$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(notdir $*)) -Wno-unused-function -Wno-sign-compare -MMD -MP -c $< -o $@

$(B)/gen/policy/grammar.tab.c: userland/policy/grammar.y
	@mkdir -p $(@D)
	@$(call say,BISON,$<)
	$(Q)bison -Werror -d -o $@ $<

$(B)/gen/policy/lexer.c: userland/policy/lexer.l $(B)/gen/policy/grammar.tab.c
	@mkdir -p $(@D)
	@$(call say,FLEX,$<)
	$(Q)flex -o $@ $<

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	@$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPFFLAGS) -MMD -MP -c $< -o $@

$(B)/gen/datapath/%.skel.h: $(B)/bpf/%.bpf.o
	@mkdir -p $(@D)
	@$(call say,SKEL,$<)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.new && mv $@.new $@

$(B)/gen/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	@$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPFFLAGS) -Wno-unused-parameter -MMD -MP -c $< -o $@

$(B)/gen/%.skel.h: $(B)/gen/%.bpf.o
	@$(call say,SKEL,$<)
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@.new && mv $@.new $@

$(call objects,tools/bench): | $(filter $(B)/gen/tools/%,$(OWNSKEL))
$(call objects,selftests/prog): | $(filter $(B)/gen/selftests/%,$(OWNSKEL))

$(LIB): $(LIBOBJ)
	@$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# What starts often, or runs long, has no library loaded that it does not call.
comma    := ,
link = @mkdir -p $(@D); $(call say,LD,$@); $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(1) $(LIB) $(2) $(LDLIBS)

$(B)/sluiced: $(call objects,userland/daemon) $(LIB)
	$(Q)$(call link,$(call objects,userland/daemon),-Wl$(comma)--as-needed)

$(B)/sluice: $(call objects,tools/sluice) $(LIB)
	$(Q)$(call link,$(call objects,tools/sluice),-Wl$(comma)--as-needed)

$(B)/sluice-lab: $(call objects,tools/lab) $(LIB)
	$(Q)$(call link,$(call objects,tools/lab))

# DPDK's tables are contenders where libdpdk is there; nothing else of ours links with it.
DPDK     := $(shell pkg-config --exists libdpdk 2>/dev/null && echo yes)
$(B)/obj/tools/bench/%.o: CPPFLAGS += $(if $(DPDK),-DHAVE_DPDK $(shell pkg-config --cflags libdpdk 2>/dev/null))
$(B)/sluice-bench: $(call objects,tools/bench) $(LIB)
	$(Q)$(call link,$(call objects,tools/bench),$(if $(DPDK),$(shell pkg-config --libs libdpdk 2>/dev/null)))

# A test is one file; cmocka prints its TAP.
$(B)/test/%: $(B)/obj/selftests/unit/%.o $(LIB)
	$(Q)$(call link,$<,-lcmocka)
# The store's file belongs to the daemon, which is no library.
$(B)/test/test_disk: $(B)/obj/selftests/unit/test_disk.o $(B)/obj/userland/daemon/disk.o $(LIB)
	$(Q)$(call link,$(filter %.o,$^),-lcmocka)
$(B)/test/test_witnesses: $(B)/obj/selftests/prog/test_witnesses.o $(patsubst %,$(B)/obj/userland/daemon/%.o,witnesses changed_rules kept_packets) $(LIB)
	$(Q)$(call link,$(filter %.o,$^),-lcmocka)
$(B)/test/%: $(B)/obj/selftests/prog/%.o $(LIB)
	$(Q)$(call link,$<,-lcmocka)
# Those that stress the module say TAP themselves, and share how to talk to it.
$(filter-out %/stress,$(MODULE)): $(B)/test/%: $(B)/obj/selftests/module/%.o $(MODULECOMMON) $(LIB)
	$(Q)$(call link,$< $(MODULECOMMON),-lpthread)
$(B)/test/stress: $(call objects,selftests/module/stress) $(MODULECOMMON) $(LIB)
	$(Q)$(call link,$(filter %.o,$^),-lpthread)

# What the fuzzer drives: the library once more, with its eyes and the sanitizers in it.
# F: where; FUZZFLAGS: what is put into each object.
CLANG_FUZZ ?= clang-14
F        ?= $(B)/fuzz
FUZZFLAGS ?= -fsanitize=fuzzer-no-link,address,undefined
fuzzcc    = $(CLANG_FUZZ) $(CPPFLAGS) -g -O1 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function \
	    -Wno-sign-compare -Wno-unknown-pragmas -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZLIB  := $(LIBOBJ:$(B)/obj/%=$(F)/obj/%)

$(F)/obj/%.o: %.c | $(SKEL) $(GRAMMAR)
	@mkdir -p $(@D)
	$(Q)$(fuzzcc) $(FUZZFLAGS) $(CFLAGS_$(notdir $*)) -MMD -MP -c $< -o $@

$(F)/obj/gen/%.o: $(B)/gen/%.c | $(GRAMMAR)
	@mkdir -p $(@D)
	$(Q)$(fuzzcc) $(FUZZFLAGS) -MMD -MP -c $< -o $@

$(F)/libsluice.a: $(FUZZLIB)
	$(Q)rm -f $@ && ar rcs $@ $^

$(F)/bin/%: $(F)/obj/selftests/fuzz/fuzz_%.o $(F)/libsluice.a
	@mkdir -p $(@D)
	$(Q)$(fuzzcc) $(subst -no-link,,$(FUZZFLAGS)) -o $@ $^ $(LDLIBS)

# build/vm has kernels, which are no affair of ours.
-include $(shell find $(B) -path $(B)/vm -prune -o -name '*.d' -print 2>/dev/null)

# --- what a user asks for ----------------------------------------------------

TESTS    ?= tree unit golden prog net fuzz vm $(if $(SLOW),slow)
test-deps:
	$(Q)tools/deps.sh test

test: test-deps
	$(Q)$(MAKE) --no-print-directory all $(UNIT) $(PROG) $(MODULE) $(MODULEBPF)
	$(Q)TESTS="$(TESTS)" selftests/run

# FUZZ: targets (all); RUNS: inputs for each. "make test" has each for ten seconds.
RUNS     ?= 10000000
fuzz: test-deps
	$(Q)FUZZ_RUNS=$(RUNS) nice selftests/fuzz/run $(FUZZ)

# In a guest with Debian's own kernel: what the developers' kernel takes, its may not.
test-vm: test-deps
	$(Q)$(MAKE) --no-print-directory all $(UNIT) $(PROG) $(MODULE) $(MODULEBPF)
	$(Q)LONG=1 COMMITS=10000 TEST_TIMEOUT=900 VM_TIMEOUT=1800 TESTS="vm vm-long" selftests/run

# In a guest with a kernel that looks for memory used wrongly, locks taken wrongly, and leaks.
test-debug-kernel: test-deps
	$(Q)$(MAKE) --no-print-directory all $(UNIT) $(PROG) $(MODULE) $(MODULEBPF)
	$(Q)KERNEL=$$(selftests/vm/debug-kernel) && export KERNEL && \
	    OPERATIONS=1000000 COMMITS=10000 FUZZ_SECONDS=60 PATIENCE=15 TEST_TIMEOUT=10800 VM_TIMEOUT=14400 \
	    TESTS=vm selftests/run

demo:
	$(Q)tools/deps.sh demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/lab/demo

check:
	$(Q)tools/check-layers

style:
	$(Q)tools/check-style

bench: all
	$(Q)$(B)/sluice-bench all

# The module, for the kernel whose headers or tree KDIR is: build/kmod/VERSION/sluice.ko.
KDIR     ?= /lib/modules/$(shell uname -r)/build
kmod:
	$(Q)command -v pahole >/dev/null || tools/deps.sh kmod
	$(Q)kmod/build $(KDIR)

# For the kernel of the guests.
kmod-vm:
	$(Q)command -v pahole >/dev/null || tools/deps.sh kmod
	$(Q)root=$$(selftests/vm/debian-kernel) && \
	    headers=$$(selftests/vm/debian-headers "$$(cat "$$root/release")") && \
	    kmod/build -b "$$root/vmlinux" "$$headers"

kmod-check:
	$(Q)tools/check-kmod

install: all
	$(Q)tools/install install "$(DESTDIR)" "$(PREFIX)"
	$(Q)tools/install-module install "$(DESTDIR)"

uninstall:
	$(Q)tools/install-module uninstall "$(DESTDIR)"
	$(Q)tools/install uninstall "$(DESTDIR)" "$(PREFIX)"

clean:
	$(Q)rm -rf $(B)
