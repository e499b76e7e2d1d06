/* The power goes after any change of a disk, and once more while a home gets up. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dice.h"
#include "sweep.h"

#define AGAIN_ALL 6u	/* so few changes while it gets up: each is a place for the second loss */

/* Both disks at one moment, and whether the action had been acknowledged by then. */
struct moment {
	struct disk *shots[SEATS_MAX];
	bool acted;
};

struct power {
	const struct action *action;
	struct share *share;
	struct tally *tally;
	unsigned rounds;
	/* What was acknowledged when the action was over. */
	struct owed *owed;
	size_t owed_count;
};

static void
take(struct moment *out, bool acted)
{
	out->acted = acted;
	for (size_t i = 0; i < world.seat_count; i++)
		out->shots[i] = disk_shot(world.seats[i].disk);
}

static void
drop(struct moment *moment)
{
	for (size_t i = 0; i < SEATS_MAX; i++)
		disk_free(moment->shots[i]);
	*moment = (struct moment){ .acted = false };
}

static void
play(struct moment *moment, const struct tape *tape, size_t i)
{
	for (size_t n = 0; n < world.seat_count; n++)
		if (tape_play(moment->shots[n], tape, i, world.seats[n].disk))
			return;
}

/* The machines of MASK lose their power at MOMENT; the others' programs are killed. */
static bool
strike(const struct power *power, const struct moment *moment, unsigned mask, enum survival how)
{
	uint64_t hash = 0x706f7765 + moment->acted;

	scene_rewind();
	for (size_t i = 0; i < world.seat_count; i++) {
		struct disk *disk = world.seats[i].disk;

		disk_back(disk, moment->shots[i]);
		disk_power_as(disk, mask >> i & 1u ? how : EVERYTHING);
		hash = hash * 31 + disk_hash(disk);
	}
	power->tally->images++;
	if (!seen_add(hash))
		return false;
	power->tally->distinct++;
	scene_back_files();
	if (!moment->acted)
		return true;
	world.owed_count = 0;
	for (size_t i = 0; i < power->owed_count; i++) {
		world.owed = mem_grow(world.owed, world.owed_count, &world.owed_cap, sizeof(*world.owed));
		world.owed[world.owed_count++] = power->owed[i];
	}
	return true;
}

static void
look(const struct power *power, const struct moment *moment)
{
	if (!world.failed)
		scene_check_whole(moment->acted);
	if (!world.failed)
		scene_check(power->tally);
}

/* And again at change J of those that TAPE has of getting up from AFTER. */
static void
strike_again(const struct power *power, const struct moment *after, const struct tape *tape, unsigned mask)
{
	static const enum survival hows[] = { NOTHING, A_BEGINNING, SECTORS, SOME, EVERYTHING };
	size_t count = tape_length(tape), tries = count <= AGAIN_ALL ? count : AGAIN_ALL;

	for (size_t t = 0; t < tries && !world.failed; t++) {
		size_t to = count <= AGAIN_ALL ? t + 1 : 1 + dice_pick(count > 65535 ? 65535 : (uint32_t)count);
		struct moment second = { .acted = after->acted };

		for (size_t i = 0; i < world.seat_count; i++)
			second.shots[i] = disk_shot(after->shots[i]);
		for (size_t i = 0; i < to; i++)
			play(&second, tape, i);
		if (strike(power, &second, mask, hows[dice_pick(5)])) {
			scene_get_up();
			look(power, &second);
		}
		drop(&second);
	}
}

static void
image(const struct power *power, const struct moment *moment, unsigned mask, enum survival how, uint64_t dice)
{
	struct moment after;
	struct tape *tape;

	if (!share_takes(power->share))
		return;
	scene_dice(3, dice, (uint64_t)how * 8 + mask);
	if (!strike(power, moment, mask, how))
		return;
	take(&after, moment->acted);
	tape = tape_start();
	scene_get_up();
	tape_stop();
	look(power, moment);
	/* A home that is made has other files now than when it got up. */
	if (!world.failed && !power->action->makes)
		strike_again(power, &after, tape, mask);
	if (world.failed)
		scene_say_where(" (place %llu, machines %u, survival %d)", (unsigned long long)dice >> 8, mask, (int)how);
	tape_free(tape);
	drop(&after);
}

static unsigned
rounds_of(const struct power *power, int how)
{
	return how == NOTHING || how == EVERYTHING ? 1 : power->rounds;
}

/* Is no image of the next moment in our share?  Then it is passed over. */
static bool
passes_over(const struct power *power)
{
	struct share ahead = *power->share;
	bool taken = false;

	for (int how = 0; how < SURVIVALS; how++)
		for (unsigned i = 0; i < rounds_of(power, how); i++)
			taken = share_takes(&ahead) || taken;
	if (!taken)
		*power->share = ahead;
	return !taken;
}

/* In every way that it can be. */
static void
moment_images(const struct power *power, const struct moment *moment, unsigned mask, uint64_t number)
{
	power->tally->points++;
	for (int how = 0; how < SURVIVALS && !world.failed; how++)
		for (unsigned i = 0; i < rounds_of(power, how) && !world.failed; i++)
			image(power, moment, mask, (enum survival)how, number * 256 + i);
}

static void
keep_debts(struct power *power)
{
	free(power->owed);
	power->owed_count = world.owed_count;
	power->owed = mem_alloc((world.owed_count + 1) * sizeof(*power->owed));
	memcpy(power->owed, world.owed, world.owed_count * sizeof(*power->owed));
}

static void
begin(void)
{
	scene_back();
	scene_dice(2, 1, 0);
	scene_open();
}

/* The action is done once; its changes are then replayed up to each. */
static void
along_the_tape(struct power *power)
{
	struct moment moment = { .acted = false };
	struct tape *tape;
	struct err err;

	begin();
	take(&moment, false);
	tape = tape_start();
	if (power->action->act(&err) != OK)
		world_fail("setup", "%s: %s", power->action->name, err.msg);
	tape_stop();
	keep_debts(power);
	for (size_t i = 0; i <= tape_length(tape) && !world.failed; i++) {
		if (i)
			play(&moment, tape, i - 1);
		moment.acted = i == tape_length(tape);
		moment_images(power, &moment, 1u << power->action->who, i);
		if (power->action->at_hub) {
			moment_images(power, &moment, 1u, i);
			moment_images(power, &moment, 1u | 1u << power->action->who, i);
		}
	}
	tape_free(tape);
	drop(&moment);
}

static void
keep_files(struct disk *disk)
{
	(void)disk;
	scene_keep_files();
}

/* A home that is made has files beside SQLite's: the action is done up to each access. */
static void
at_each_access(struct power *power, size_t victim)
{
	struct disk *disk = world.seats[victim].disk;
	struct moment moment = { .acted = false };
	struct err err;
	uint64_t count;

	keep_debts(power);
	begin();
	count = disk_accesses(disk);
	power->action->act(&err);
	count = disk_accesses(disk) - count;
	disk_died = keep_files;
	/* One beyond the last: the action is over. */
	for (uint32_t k = 1; k <= count + 1 && !world.failed; k++) {
		if (passes_over(power))
			continue;
		begin();
		disk_die_at(disk, k);
		power->action->act(&err);
		scene_close();
		if (!disk_is_dead(disk))
			scene_keep_files();
		take(&moment, false);
		moment_images(power, &moment, 1u << victim, k * 8 + victim);
		drop(&moment);
	}
	disk_died = NULL;
}

bool
sweep_power(const struct action *action, struct share *share, struct tally *tally, unsigned rounds)
{
	struct power power = { .action = action, .share = share, .tally = tally, .rounds = rounds };

	if (scene_make(action)) {
		if (!action->makes) {
			along_the_tape(&power);
		} else {
			at_each_access(&power, action->who);
			if (action->at_hub && !world.failed)
				at_each_access(&power, 0);
		}
	}
	free(power.owed);
	scene_end();
	return !world.failed;
}
