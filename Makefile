# make                 build/release/satchel          make check     all tests (TAP under prove)
# make V=asan          ASan and UBSan                 make V=tsan    thread sanitizer
# make demo            the main job, told             make bench     measured against plain SQLite
# make sweep           every place where an action can break; real processes, killed and cut off (hours)
# make nightly         all of it: check, coverage, analysers, sweep, mutants, the simulators, each parser
# make mutants         bugs planted one by one: do the tests notice? (minutes)
# make coverage        what lines and branches the tests reach; OF=core: of src/core, by its own tests
# make analyse         gcc -fanalyzer, clang-tidy, cppcheck: no remark
# make tsan            what has threads or processes, under the thread sanitizer; make valgrind: a part of all
# make load            a hub with 1,000 nodes, drips, forgeries; make soak MINUTES=10: does it grow?
# make sim SEEDS=1000  whole organisations on simulated disks, lines and clocks
# make sim-core SEEDS=20000    many more of them, over src/core and plain arrays
# make sim-same SEEDS=500      the same runs built by gcc, by clang, with ASan: one digest
# make fuzz T=batch SECONDS=60    one parser under libFuzzer (clang); tests/fuzz has them
# make fuzz T=batch RUNS=100000000    the same without sanitizers, ten times as fast
# make install DESTDIR= PREFIX=/usr/local
# CI=1 turns warnings into errors; Q= shows the commands.

V       ?= release
CC      ?= cc
PREFIX  ?= /usr/local
DESTDIR ?=
Q       ?= @
B       := build/$(V)
GEN     := build/gen

# The one place that chooses the SQLite library; only its documented API is used.
SQLITE_CFLAGS := $(shell pkg-config --cflags sqlite3)
SQLITE_LIBS   := $(shell pkg-config --libs sqlite3)

PACKAGES := libgit2 zlib libdeflate libcurl libsodium libmicrohttpd gnutls jansson libutf8proc nettle

CFLAGS_release := -O2 -g
CFLAGS_clang   := -O1 -g
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread
# Made by make coverage.  -O0: a branch that the compiler folds cannot be seen taken.
CFLAGS_cov     := -O0 -g -DCOUNTERS_DIR='"$(abspath $(B))"'
COUNT_cov      := --coverage -fprofile-update=atomic
ALSO_cov       := tests/cov/counters.c
# Made by make fuzz, with clang: fuzz to find what nobody sees, lean to have tried much.
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_fuzz   := -fsanitize=fuzzer,address,undefined
CFLAGS_lean    := -O2 -g -fsanitize-coverage=inline-8bit-counters,pc-table
LDFLAGS_lean   := -fsanitize=fuzzer
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
LDFLAGS_cov    := --coverage -Wl,--wrap=_exit -Wl,--wrap=syscall

WARN  := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(if $(CI),-Werror)
# gcc only: clang 14 wants a flag of another name beside it.
ZERO  := $(if $(findstring clang,$(shell $(CC) --version)),,-ftrivial-auto-var-init=zero)
HARD  := -fstack-protector-strong -fPIE $(ZERO) $(if $(filter release,$(V)),-D_FORTIFY_SOURCE=2)
CPPFLAGS := -Isrc -Iinclude -I$(GEN) -D_GNU_SOURCE -DGIT_DEPRECATE_HARD -MMD -MP \
	$(shell pkg-config --cflags $(PACKAGES)) $(SQLITE_CFLAGS)
CFLAGS  := -std=c11 $(WARN) $(HARD) $(CFLAGS_$(V)) $(EXTRA_CFLAGS)
LDFLAGS := -pie -Wl,-z,relro,-z,now $(LDFLAGS_$(V))
LIBS    := $(shell pkg-config --libs $(PACKAGES)) $(SQLITE_LIBS) -lcsv -lpthread

SRC   := $(wildcard src/*/*.c)
LIB   := $(filter-out src/cli/%,$(SRC))
FACE  := $(filter src/cli/%,$(SRC))
TESTS := $(wildcard tests/*/test_*.c)
HELP  := $(wildcard tests/support/*.c)
OBJ    = $(patsubst %.c,$(B)/%.o,$(1))
GENERATED := $(GEN)/schema_tables.h $(GEN)/sql.h

all: $(B)/satchel

$(B)/satchel: $(call OBJ,$(FACE)) $(B)/libsatchel.a
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libsatchel.a: $(call OBJ,$(LIB) $(ALSO_$(V)))
	$(Q)rm -f $@; ar rcs $@ $^

$(B)/src/%.o: CFLAGS += $(COUNT_$(V))
$(B)/%.o: %.c | $(GENERATED)
	$(Q)mkdir -p $(@D); echo "CC $<"; $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(GEN)/schema_tables.h: schema/records.def tools/schemagen.awk
	$(Q)mkdir -p $(GEN); awk -v OUT=c -f tools/schemagen.awk $< > $@.tmp && mv $@.tmp $@
$(GEN)/records.sql: schema/records.def tools/schemagen.awk
	$(Q)mkdir -p $(GEN); awk -v OUT=sql -f tools/schemagen.awk $< > $@.tmp && mv $@.tmp $@
$(GEN)/sql.h: $(wildcard schema/*.sql) $(GEN)/records.sql tools/sqlgen.awk
	$(Q)awk -f tools/sqlgen.awk $(GEN)/records.sql $(sort $(wildcard schema/*.sql)) > $@.tmp && mv $@.tmp $@

# A test is one program over the library; tests/support is linked into each.
$(B)/tests/%: $(B)/tests/%.o $(call OBJ,$(HELP)) $(B)/libsatchel.a
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

# A fuzz target: driven by libFuzzer, elsewhere over the files of its corpus.
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(if $(filter-out fuzz lean,$(V)),$(B)/tests/fuzz/replay.o) $(B)/libsatchel.a
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libsatchel.a $(LIBS)

$(B)/tests/fuzz/fuzz_sim: $(filter-out %/main.o,$(call OBJ,$(wildcard tests/simcore/*.c) tests/sim/dice.c))

# One module's test: make one T=core/test_batch
one: $(B)/tests/$(T)
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP $<

$(B)/tests/preload/%.so: tests/preload/%.c
	$(Q)mkdir -p $(@D); echo "CC $<"; $(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -shared -fPIC -o $@ $<

TEST_BIN := $(patsubst %.c,$(B)/%,$(TESTS))
# Not for counters: it kills at each write, also of these.
TEST_SH  := $(filter-out $(if $(filter cov,$(V)),tests/e2e/killpoint.t),$(wildcard tests/*/*.t))
TOOLS    := $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c))
FUZZ     := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
PRELOAD  := $(patsubst %.c,$(B)/%.so,$(wildcard tests/preload/*.c))

tests: $(TEST_BIN) $(TOOLS) $(FUZZ) $(PRELOAD) $(B)/satchel $(B)/sim $(B)/sim-core $(B)/tools/bench $(B)/tools/load
# Begun first, so that two at a time end together.
LONGEST  := tests/sim/sweep.t tests/e2e/killpoint.t
check: tests layers
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP SATCHEL=$(abspath $(B)/satchel) SATCHEL_TOOLS=$(abspath $(B)/tests/tools) prove -j2 --timer $(if $(PROVE_V),-v) -e '' $(filter $(LONGEST),$(TEST_SH)) $(TEST_BIN) $(filter-out $(LONGEST),$(TEST_SH))

# The same with many more rounds and nodes, and every place instead of a share: hours.
sweep: tests
	$(Q)SATCHEL_HEAVY=1 SATCHEL=$(abspath $(B)/satchel) SATCHEL_TOOLS=$(abspath $(B)/tests/tools) prove --timer -e '' $(wildcard tests/e2e/*.t) tests/sim/sweep.t

# Bugs planted in a copy of this tree, each of which a test must notice (minutes).
mutants:
	$(Q)tools/mutants

# What the tests reach, of all of src/ or of the floor OF by its own tests.
COVERED := $(if $(OF),$(filter build/cov/tests/$(OF)/%,$(patsubst %.c,build/cov/%,$(TESTS))))
coverage:
	$(Q)find build/cov -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) V=cov $(if $(OF),$(COVERED),check)
	$(Q)$(if $(OF),CMOCKA_MESSAGE_OUTPUT=TAP prove -j2 -e '' $(COVERED))
	$(Q)tools/coverage $(OF)

# The simulator: the product's own objects but for the socket ends of net/, whose
# places tests/sim/wire.c takes, and base/log.c.
$(B)/sim: $(call OBJ,$(wildcard tests/sim/*.c)) $(B)/libsatchel.a
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
sim: $(B)/sim
	$(Q)$(B)/sim --seeds $(or $(SEEDS),1000)

# The fast one: src/core over arrays.  What it needs of the product is what it is linked with.
SIMCORE := $(call OBJ,$(wildcard tests/simcore/*.c) tests/sim/dice.c tests/sim/shrink.c)
CORE    := $(call OBJ,$(filter src/core/% src/base/%,$(SRC)))
$(B)/sim-core: $(SIMCORE) $(CORE)
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $^ -lsodium
sim-core: $(B)/sim-core
	$(Q)$(B)/sim-core --seeds $(or $(SEEDS),20000)

# Whatever compiled it, the same runs come to the same.
sim-same:
	$(Q)for make in "CC=gcc V=release" "CC=clang V=clang" "CC=gcc V=asan"; do \
		$(MAKE) --no-print-directory $$make "build/$${make#*V=}/sim-core" >/dev/null || exit 1; \
		echo "$$make $$("build/$${make#*V=}/sim-core" --seeds $(or $(SEEDS),500) --digest | tail -1)"; \
	done | awk '{ print; digest[$$4] } END { for (d in digest) n++; exit n != 1 || NR != 3 }'

# What three analysers say of src/: nothing, or it fails.  gcc's follows calls by
# itself, and is misled by functions that were inlined or split: no -O.  cppcheck
# has to see the macros of these headers; it knows other libraries by their names.
ANALYSE    := build/analyse
ANALYSE_AS := $(filter-out -MMD -MP,$(CPPFLAGS)) -std=c11 $(WARN)
MACROS_OF  := uthash.h jansson.h jansson_config.h sys/queue.h
$(ANALYSE)/%.ok: %.c .clang-tidy | $(GENERATED)
	$(Q)mkdir -p $(@D); echo "ANALYSE $<"
	$(Q)gcc $(ANALYSE_AS) -Werror -MMD -MP -MF $(@:.ok=.d) -MT $@ -fanalyzer -c -o /dev/null $<
	$(Q)clang-tidy --quiet $< -- $(ANALYSE_AS) 2>$(@:.ok=.said) || { cat $(@:.ok=.said) >&2; exit 1; }
	$(Q)touch $@
$(ANALYSE)/include/%:
	$(Q)mkdir -p $(@D); echo '#include <$*>' | $(CC) $(ANALYSE_AS) -E -xc - | \
		sed -n 's,^# 1 "\(.*/$*\)".*,\1,p' | head -1 | xargs -I@ cp @ $@
analyse: $(patsubst %.c,$(ANALYSE)/%.ok,$(SRC)) $(addprefix $(ANALYSE)/include/,$(MACROS_OF))
	$(Q)mkdir -p $(ANALYSE)/cppcheck; echo "CPPCHECK src"
	$(Q)cppcheck -q --std=c11 --enable=warning,performance,portability --error-exitcode=1 --template=gcc \
		--library=posix,gnu,zlib,libcurl,sqlite3 --cppcheck-build-dir=$(ANALYSE)/cppcheck \
		-Isrc -Iinclude -I$(GEN) -I$(ANALYSE)/include -D_GNU_SOURCE src

# Not crowd.t: its deadlines are for a hub at its own speed, busy.t has the same threads.
TSAN_C  := $(patsubst %.c,build/tsan/%,$(wildcard tests/net/test_*.c tests/store/test_*.c) tests/node/test_enrol.c)
TSAN_SH := $(patsubst %,tests/%.t,cli/serve cli/many e2e/spine e2e/many e2e/busy e2e/branch e2e/lan e2e/peer e2e/tls e2e/cut)
tsan:
	$(Q)$(MAKE) V=tsan build/tsan/satchel tests
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP SATCHEL=$(abspath build/tsan/satchel) SATCHEL_TOOLS=$(abspath build/tsan/tests/tools) \
		prove --timer -e '' $(TSAN_C) $(TSAN_SH)

# Lost memory that only an address within it leads to is libdeflate's, which aligns
# what it takes: of leaks the certain ones count.
VALGRIND   := valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect
VALGRIND_C := $(wildcard tests/base/test_*.c tests/core/test_*.c tests/crypto/test_*.c tests/text/test_*.c) \
	$(patsubst %,tests/node/test_%.c,chunk edit feed header outbox passport query)
valgrind: tests
	$(Q)mkdir -p build/valgrind
	$(Q)printf '#!/bin/sh\nexec $(VALGRIND) "$$SATCHEL_PLAIN" "$$@"\n' > build/valgrind/satchel && chmod +x build/valgrind/satchel
	$(Q)for test in $(patsubst %.c,$(B)/%,$(VALGRIND_C)); do echo "VALGRIND $$test"; \
		$(VALGRIND) $$test > build/valgrind/said 2>&1 || { cat build/valgrind/said; exit 1; }; done
	$(Q)SATCHEL=$(abspath build/valgrind/satchel) SATCHEL_PLAIN=$(abspath $(B)/satchel) \
		SATCHEL_TOOLS=$(abspath $(B)/tests/tools) prove --timer -e '' tests/e2e/spine.t

# What both have found is one corpus.  The lean one does not look long at what it has
# seen: half of libFuzzer's time goes into that.
SECONDS ?= 60
DRIVEN  := $(if $(RUNS),lean,fuzz)
fuzz:
	$(Q)$(MAKE) V=$(DRIVEN) CC=clang build/$(DRIVEN)/tests/fuzz/fuzz_$(T)
	$(Q)mkdir -p build/fuzz/found/$(T)
	$(Q)build/$(DRIVEN)/tests/fuzz/fuzz_$(T) $(if $(RUNS),-runs=$(RUNS) -max_len=512 \
		-mutate_depth=20 -entropic=0 -reduce_inputs=0 -use_counters=0,-max_total_time=$(SECONDS) \
		-max_len=8192) -print_final_stats=1 -artifact_prefix=build/fuzz/$(T)- build/fuzz/found/$(T) tests/fuzz/corpus/$(T)

nightly: check coverage analyse tsan valgrind sweep mutants sim sim-core sim-same
	$(Q)for file in tests/fuzz/fuzz_*.c; do name=$${file#tests/fuzz/fuzz_}; $(MAKE) fuzz T=$${name%.c} || exit 1; done

layers:
	$(Q)tools/check-layers

demo: $(B)/satchel
	$(Q)SATCHEL=$(abspath $(B)/satchel) tools/demo-story

$(B)/tools/bench: $(call OBJ,$(wildcard tools/bench*.c)) $(B)/libsatchel.a
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
bench: $(B)/tools/bench $(B)/satchel
	$(Q)$(B)/tools/bench $(abspath $(B)/satchel)

$(B)/tools/load: $(call OBJ,$(wildcard tools/load*.c) tools/bench_home.c) $(B)/libsatchel.a
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
load: $(B)/tools/load $(B)/satchel
	$(Q)$(B)/tools/load $(abspath $(B)/satchel)
soak: $(B)/tools/load $(B)/satchel
	$(Q)$(B)/tools/load $(abspath $(B)/satchel) $(or $(MINUTES),10)

install: $(B)/satchel
	install -D -m 755 $(B)/satchel $(DESTDIR)$(PREFIX)/bin/satchel
	install -D -m 644 tools/satchel-hub.service $(DESTDIR)$(PREFIX)/share/doc/satchel/satchel-hub.service
	for page in docs/man/*.scd; do name=$$(basename $$page .scd); section=$${name##*.}; \
		install -d $(DESTDIR)$(PREFIX)/share/man/man$$section; \
		scdoc < $$page > $(DESTDIR)$(PREFIX)/share/man/man$$section/$$name; done

clean:
	rm -rf build

.PHONY: all one tests check coverage sweep analyse tsan valgrind fuzz mutants sim sim-core sim-same nightly layers demo bench load soak install clean
.PRECIOUS: $(B)/%.o
-include $(shell find $(B) $(ANALYSE) -name '*.d' 2>/dev/null)
