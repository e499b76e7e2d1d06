/* An access fails, the disk is full, SQLite gets no memory: the action is refused in
 * words, or done; and the same program goes on. */
#include <jansson.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/schema.h"
#include "node/query.h"
#include "sweep.h"
#include "wire.h"

/* --- SQLite's memory --- */

static struct {
	sqlite3_mem_methods real;
	uint32_t fail_at;
	bool all, struck;
} memory;

static bool
no_memory(void)
{
	if (memory.fail_at == 0)
		return false;
	if (memory.fail_at > 1) {
		memory.fail_at--;
		return false;
	}
	if (!memory.all)
		memory.fail_at = 0;
	return memory.struck = true;
}

static void *
get(int size)
{
	return no_memory() ? NULL : memory.real.xMalloc(size);
}

static void *
get_more(void *p, int size)
{
	return no_memory() ? NULL : memory.real.xRealloc(p, size);
}

void
sweep_memory_init(void)
{
	sqlite3_mem_methods methods;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real);
	methods = memory.real;
	methods.xMalloc = get;
	methods.xRealloc = get_more;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	/* Small requests ask it too. */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
}

void
memory_fail_at(uint32_t k, bool all)
{
	memory.fail_at = k;
	memory.all = all;
	memory.struck = false;
}

bool
memory_calm(void)
{
	bool struck = memory.struck;

	memory_fail_at(0, false);
	return struck;
}

/* --- after it --- */

static void
check_words(const struct action *action, enum err_code code, const struct err *err, bool full)
{
	if (code != OK && (err->code != code || strlen(err->msg) < 8))
		world_fail("words", "%s was refused with code %d and says only \"%s\"", action->name, (int)code, err->msg);
	if (code != OK && full && strstr(err->msg, "full") == NULL)
		world_fail("words", "%s on a full disk says only \"%s\"", action->name, err->msg);
}

static void
again(const struct action *action, struct err *err)
{
	if (!world.failed && action->act(err) != OK)
		world_fail("P13", "%s, again after the fault, fails: %s", action->name, err->msg);
}

static enum disk_strike
strike_of(struct seat *seat)
{
	enum disk_strike struck = scene_calm(seat);

	if (struck == DISK_FINE)
		struck = seat->struck;
	seat->struck = DISK_FINE;
	return struck;
}

static void
begin(void)
{
	scene_back();
	scene_dice(2, 1, 0);
	scene_open();
}

/* The action was done with a fault waiting for SEAT.  False: none has struck. */
static bool
end(const struct action *action, struct seat *seat, enum err_code code, struct err *err, struct tally *tally)
{
	enum disk_strike struck = strike_of(seat);

	if (struck == DISK_FINE)
		return false;
	tally->points++;
	check_words(action, code, err, struck == DISK_FULL && seat != HUB);
	if (!world.failed)
		scene_check_whole(code == OK);
	if (code != OK)
		again(action, err);
	if (!world.failed)
		scene_check(tally);
	return true;
}

bool
sweep_errors(const struct action *action, struct share *share, struct tally *tally)
{
	bool good = scene_make(action);

	for (size_t i = 0; i < world.seat_count && good; i++) {
		if (i != action->who && !(i == 0 && action->at_hub))
			continue;
		for (int kind = ACCESS_READ; kind < ACCESS_KINDS && !world.failed; kind++) {
			bool more = true;

			for (uint32_t k = 1; more && !world.failed; k++) {
				struct err err = { .code = OK };
				enum err_code code;

				if (!share_takes(share))
					continue;
				begin();
				if (world.failed)
					break;
				disk_fail_kind(world.seats[i].disk, (enum access_kind)kind, k);
				code = action->act(&err);
				more = end(action, &world.seats[i], code, &err, tally);
				if (world.failed)
					scene_say_where(" (access %u of kind %d at %s)", k, kind, world.seats[i].name);
			}
		}
	}
	scene_end();
	return !world.failed;
}

/* Nothing can be written, and people look things up. */
static void
live_with_it(const struct action *action, struct seat *seat)
{
	json_t *list = NULL;
	struct err err = { .code = OK };

	if (seat->node == NULL || seat->node->hub)
		return;
	world_act(seat);
	if (query_list(&list, seat->node, "client", NULL, 0, 0, &err) != OK)
		world_fail("reads", "%s: the disk is full and nothing can be read: %s", action->name, err.msg);
	json_decref(list);
}

bool
sweep_full(const struct action *action, struct share *share, struct tally *tally)
{
	bool good = scene_make(action);

	for (size_t i = 0; i < world.seat_count && good; i++) {
		bool more = true;

		if (i != action->who && !(i == 0 && action->at_hub))
			continue;
		for (uint32_t k = 1; more && !world.failed; k++) {
			struct seat *seat = &world.seats[i];
			struct err err = { .code = OK };
			enum err_code code;

			if (!share_takes(share))
				continue;
			begin();
			disk_full_from(seat->disk, k);
			code = action->act(&err);
			if (disk_calm(seat->disk) == DISK_FULL)
				seat->struck = DISK_FULL;
			if (seat->struck == DISK_FULL) {
				disk_full_from(seat->disk, 1);
				live_with_it(action, seat);
				disk_calm(seat->disk);
			}
			more = end(action, seat, code, &err, tally);
			if (world.failed)
				scene_say_where(" (write %u at %s)", k, seat->name);
		}
	}
	scene_end();
	return !world.failed;
}

/* What a child tells. */
struct told {
	struct tally tally;
	bool more, failed;
	char why[sizeof(world.why)];
};

static void
one_request(struct told *told, const struct action *action, uint32_t k, bool all)
{
	struct seat *seat = &world.seats[action->who];
	struct err err = { .code = OK };
	enum err_code code;

	begin();
	memory_fail_at(k, all);
	code = action->act(&err);
	if (memory_calm())
		seat->struck = DISK_FAILED;
	told->more = end(action, seat, code, &err, &told->tally);
	told->failed = world.failed;
	memcpy(told->why, world.why, sizeof(told->why));
}

/* Ended by abort: memory that is not there may do that, and then it is as if it
 * were killed. */
static void
in_a_child(struct told *told, const struct action *action, uint32_t k, bool all)
{
	int status;
	pid_t child;

	told->more = true;
	fflush(stdout);
	if ((child = fork()) == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		one_request(told, action, k, all);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		world_fail("setup", "fork");
	} else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) {
		told->tally.points++;
		told->tally.ended++;
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		world_fail("memory", "%s without memory ended with status %x", action->name, (unsigned)status);
	} else if (told->failed) {
		world.failed = true;
		memcpy(world.why, told->why, sizeof(world.why));
	}
}

bool
sweep_memory(const struct action *action, struct share *share, struct tally *tally)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool good = told != MAP_FAILED && scene_make(action);

	for (int all = 0; all < 2 && good; all++) {
		told->more = true;
		for (uint32_t k = 1; told->more && !world.failed; k++) {
			if (!share_takes(share))
				continue;
			in_a_child(told, action, k, all);
			if (world.failed)
				scene_say_where(" (request %u%s)", k, all ? " and all after it" : "");
		}
	}
	if (good)
		*tally = told->tally;
	scene_end();
	munmap(told, sizeof(*told));
	return !world.failed;
}

bool
sweep_cuts(const struct action *action, struct share *share, struct tally *tally)
{
	bool good = scene_make(action);

	for (int answer = 0; answer < 2 && good && action->at_hub; answer++) {
		bool more = true;

		for (size_t at = 0; more && !world.failed; at++) {
			struct err err = { .code = OK };
			enum err_code code;

			if (!share_takes(share))
				continue;
			begin();
			wire_cut(answer, at);
			code = action->act(&err);
			more = wire_was_cut();
			wire_cut(false, SIZE_MAX);
			if (!more)
				break;
			tally->points++;
			check_words(action, code, &err, false);
			if (code != OK)
				again(action, &err);
			if (!world.failed)
				scene_check(tally);
			if (world.failed)
				scene_say_where(" (byte %zu of %s)", at, answer ? "the answers" : "the requests");
		}
	}
	scene_end();
	return !world.failed;
}
