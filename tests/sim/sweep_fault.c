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

/* --- each place in a child --- */

/* Fault number K of a kind. */
struct place {
	const struct action *action;
	struct seat *seat;
	int kind;
	uint32_t k;
};

/* What a child tells. */
struct told {
	struct tally tally;
	bool more, failed;
	char why[sizeof(world.why)];
};

struct sweep {
	const struct action *action;
	struct share *share;
	struct told *told;
	/* Returns false when no fault has struck: there are no more. */
	bool (*try)(const struct place *place, struct tally *tally);
	bool may_abort;		/* as if it were killed */
};

/* Scene and homes are ready in the parent, and stay as they are. */
static bool
sweep_begin(struct sweep *sweep)
{
	sweep->told = mmap(NULL, sizeof(*sweep->told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sweep->told == MAP_FAILED || !scene_make(sweep->action))
		return false;
	scene_back();
	scene_dice(2, 1, 0);
	scene_open();
	return !world.failed;
}

static bool
sweep_end(struct sweep *sweep, struct tally *tally)
{
	if (sweep->told != MAP_FAILED) {
		*tally = sweep->told->tally;
		munmap(sweep->told, sizeof(*sweep->told));
	}
	scene_end();
	return !world.failed;
}

static void
in_a_child(struct sweep *sweep, const struct place *place)
{
	struct told *told = sweep->told;
	int status;
	pid_t child;

	told->more = true;
	scene_unmake();
	fflush(stdout);
	if ((child = fork()) == 0) {
		if (sweep->may_abort && freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		told->more = sweep->try(place, &told->tally);
		told->failed = world.failed;
		memcpy(told->why, world.why, sizeof(told->why));
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		world_fail("setup", "fork");
	} else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && sweep->may_abort) {
		told->tally.points++;
		told->tally.ended++;
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		world_fail("end", "%s ended with status %x", sweep->action->name, (unsigned)status);
	} else if (told->failed) {
		world.failed = true;
		memcpy(world.why, told->why, sizeof(world.why));
	}
}

/* Every K from 1 on, until none strikes. */
static void
sweep_each(struct sweep *sweep, struct seat *seat, int kind, const char *what)
{
	struct place place = { .action = sweep->action, .seat = seat, .kind = kind };

	sweep->told->more = true;
	for (place.k = 1; sweep->told->more && !world.failed; place.k++) {
		if (!share_takes(sweep->share))
			continue;
		in_a_child(sweep, &place);
		if (world.failed)
			scene_say_where(" (%s %u of kind %d at %s)", what, place.k, kind, seat->name);
	}
}

static bool
takes_part(const struct action *action, size_t seat)
{
	return seat == action->who || (seat == 0 && action->at_hub);
}

/* --- an access --- */

static bool
try_error(const struct place *place, struct tally *tally)
{
	struct err err = { .code = OK };

	disk_fail_kind(place->seat->disk, (enum access_kind)place->kind, place->k);
	return end(place->action, place->seat, place->action->act(&err), &err, tally);
}

bool
sweep_errors(const struct action *action, struct share *share, struct tally *tally)
{
	struct sweep sweep = { .action = action, .share = share, .try = try_error };
	bool good = sweep_begin(&sweep);

	for (size_t i = 0; i < world.seat_count && good; i++)
		for (int kind = ACCESS_READ; takes_part(action, i) && kind < ACCESS_KINDS; kind++)
			sweep_each(&sweep, &world.seats[i], kind, "access");
	return sweep_end(&sweep, tally);
}

/* --- a full disk --- */

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

static bool
try_full(const struct place *place, struct tally *tally)
{
	struct seat *seat = place->seat;
	struct err err = { .code = OK };
	enum err_code code;

	disk_full_from(seat->disk, place->k);
	code = place->action->act(&err);
	if (disk_calm(seat->disk) == DISK_FULL)
		seat->struck = DISK_FULL;
	if (seat->struck == DISK_FULL) {
		disk_full_from(seat->disk, 1);
		live_with_it(place->action, seat);
		disk_calm(seat->disk);
	}
	return end(place->action, seat, code, &err, tally);
}

bool
sweep_full(const struct action *action, struct share *share, struct tally *tally)
{
	struct sweep sweep = { .action = action, .share = share, .try = try_full };
	bool good = sweep_begin(&sweep);

	for (size_t i = 0; i < world.seat_count && good; i++)
		if (takes_part(action, i))
			sweep_each(&sweep, &world.seats[i], 0, "write");
	return sweep_end(&sweep, tally);
}

/* --- memory --- */

static bool
try_memory(const struct place *place, struct tally *tally)
{
	struct err err = { .code = OK };
	enum err_code code;

	memory_fail_at(place->k, place->kind);
	code = place->action->act(&err);
	if (memory_calm())
		place->seat->struck = DISK_FAILED;
	return end(place->action, place->seat, code, &err, tally);
}

bool
sweep_memory(const struct action *action, struct share *share, struct tally *tally)
{
	struct sweep sweep = { .action = action, .share = share, .try = try_memory, .may_abort = true };
	bool good = sweep_begin(&sweep);

	for (int all = 0; all < 2 && good; all++)
		sweep_each(&sweep, &world.seats[action->who], all, all ? "request and all after it," : "request");
	return sweep_end(&sweep, tally);
}

/* --- the line --- */

static bool
try_cut(const struct place *place, struct tally *tally)
{
	struct err err = { .code = OK };
	enum err_code code;

	wire_cut(place->kind, place->k - 1);
	code = place->action->act(&err);
	if (!wire_was_cut())
		return false;
	wire_cut(false, SIZE_MAX);
	tally->points++;
	check_words(place->action, code, &err, false);
	if (code != OK)
		again(place->action, &err);
	if (!world.failed)
		scene_check(tally);
	return true;
}

bool
sweep_cuts(const struct action *action, struct share *share, struct tally *tally)
{
	struct sweep sweep = { .action = action, .share = share, .try = try_cut };
	bool good = sweep_begin(&sweep);

	for (int answers = 0; answers < 2 && good && action->at_hub; answers++)
		sweep_each(&sweep, &world.seats[action->who], answers, answers ? "byte of the answers," : "byte of the requests,");
	return sweep_end(&sweep, tally);
}
