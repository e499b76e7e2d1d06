# make                 build/release/satchel          make check     all tests (TAP under prove)
# make V=asan          ASan and UBSan                 make V=tsan    thread sanitizer
# make demo            the main job, told             make bench     measured against plain SQLite
# make sweep           every place where an action can break; real processes, killed and cut off (hours)
# make nightly         all of it: check, sweep, mutants, the simulator, each parser under libFuzzer
# make mutants         bugs planted one by one: do the tests notice? (minutes)
# make load            a hub with 1,000 nodes, drips, forgeries; make soak MINUTES=10: does it grow?
# make sim SEEDS=1000  whole organisations on simulated disks, lines and clocks
# make sim-core SEEDS=20000    many more of them, over src/core and plain arrays
# make sim-same SEEDS=500      the same runs built by gcc, by clang, with ASan: one digest
# make fuzz T=batch SECONDS=60    one parser under libFuzzer (clang); tests/fuzz has them
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
# Made by make fuzz, with clang.
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_fuzz   := -fsanitize=fuzzer,address,undefined
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread

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

$(B)/libsatchel.a: $(call OBJ,$(LIB))
	$(Q)rm -f $@; ar rcs $@ $^

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
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(if $(filter-out fuzz,$(V)),$(B)/tests/fuzz/replay.o) $(B)/libsatchel.a
	$(Q)echo "LD $@"; $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libsatchel.a $(LIBS)

$(B)/tests/fuzz/fuzz_sim: $(filter-out %/main.o,$(call OBJ,$(wildcard tests/simcore/*.c) tests/sim/dice.c))

# One module's test: make one T=core/test_batch
one: $(B)/tests/$(T)
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP $<

$(B)/tests/preload/%.so: tests/preload/%.c
	$(Q)mkdir -p $(@D); echo "CC $<"; $(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -shared -fPIC -o $@ $<

TEST_BIN := $(patsubst %.c,$(B)/%,$(TESTS))
TEST_SH  := $(wildcard tests/*/*.t)
TOOLS    := $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c))
FUZZ     := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
PRELOAD  := $(patsubst %.c,$(B)/%.so,$(wildcard tests/preload/*.c))

tests: $(TEST_BIN) $(TOOLS) $(FUZZ) $(PRELOAD) $(B)/satchel $(B)/sim $(B)/sim-core $(B)/tools/bench $(B)/tools/load
check: tests layers
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP SATCHEL=$(abspath $(B)/satchel) SATCHEL_TOOLS=$(abspath $(B)/tests/tools) prove -j2 --timer $(if $(PROVE_V),-v) -e '' $(TEST_BIN) $(TEST_SH)

# The same with many more rounds and nodes, and every place instead of a share: hours.
sweep: tests
	$(Q)SATCHEL_HEAVY=1 SATCHEL=$(abspath $(B)/satchel) SATCHEL_TOOLS=$(abspath $(B)/tests/tools) prove --timer -e '' $(wildcard tests/e2e/*.t) tests/sim/sweep.t

# Bugs planted in a copy of this tree, each of which a test must notice (minutes).
mutants:
	$(Q)tools/mutants

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

SECONDS ?= 60
fuzz:
	$(Q)$(MAKE) V=fuzz CC=clang build/fuzz/tests/fuzz/fuzz_$(T)
	$(Q)mkdir -p build/fuzz/found/$(T)
	$(Q)build/fuzz/tests/fuzz/fuzz_$(T) -max_total_time=$(SECONDS) -max_len=8192 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/$(T)- build/fuzz/found/$(T) tests/fuzz/corpus/$(T)

nightly: check sweep mutants sim sim-core sim-same
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

.PHONY: all one tests check sweep fuzz mutants sim sim-core sim-same nightly layers demo bench load soak install clean
.PRECIOUS: $(B)/%.o
-include $(shell find $(B) -name '*.d' 2>/dev/null)
