#include "sweep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "check.h"
#include "dice.h"
#include "node/verify.h"
#include "store/db.h"
#include "wire.h"

bool
share_takes(struct share *share)
{
	return share->at++ % share->step == share->first;
}

/* --- states that were looked at --- */

#define SLOTS (1u << 22)

/* Forked sweeps share it. */
static uint64_t *seen;

bool
seen_add(uint64_t hash)
{
	size_t i = (size_t)(hash * 0x9e3779b97f4a7c15u >> 42);

	hash |= 1;
	while (seen[i] && seen[i] != hash)
		i = (i + 1) % SLOTS;
	if (seen[i] == hash)
		return false;
	seen[i] = hash;
	return true;
}

/* --- the scene --- */

static struct {
	const struct action *action;
	struct script script;
	struct disk *shots[SEATS_MAX];
	struct owed *owed;
	size_t owed_count;
	int64_t seen_b[SEATS_MAX];
	uint64_t now_ms;
	int64_t before, after;		/* Ana's own batches */
} scene;

void
scene_dice(uint64_t a, uint64_t b, uint64_t c)
{
	script_release(&scene.script);
	dice_sow(&scene.script, (a << 40) ^ (b << 8) ^ c);
	dice_step();
	vfs_forget();
}

static bool
is_made(const struct seat *seat)
{
	return scene.action->makes && seat == &world.seats[scene.action->who];
}

void
scene_close(void)
{
	for (size_t i = world.seat_count; i > 0; i--) {
		disk_calm(world.seats[i - 1].disk);
		seat_off(&world.seats[i - 1]);
	}
}

void
scene_open(void)
{
	for (size_t i = 0; i < world.seat_count && !world.failed; i++)
		if (!is_made(&world.seats[i]))
			seat_on(&world.seats[i]);
}

static void
copy_file(const char *from, const char *to)
{
	char buffer[65536];
	FILE *in = fopen(from, "rbe"), *out = in ? fopen(to, "wbe") : NULL;
	size_t n;

	while (out && (n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		fwrite(buffer, 1, n, out);
	if (in)
		fclose(in);
	if (out) {
		fchmod(fileno(out), 0600);
		fclose(out);
	} else {
		unlink(to);
	}
}

static const char *const beside[] = { "node.key", "root.key", "satchel.db", "restoring" };

static void
copy_beside(bool back)
{
	const struct seat *seat = &world.seats[scene.action->who];
	char here[192], kept[192];

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(here, sizeof(here), "%s/%s", seat->dir, beside[i]);
		snprintf(kept, sizeof(kept), "%s/kept.%s", world.root, beside[i]);
		copy_file(back ? kept : here, back ? here : kept);
	}
}

void
scene_keep_files(void)
{
	if (scene.action->makes)
		copy_beside(false);
}

void
scene_back_files(void)
{
	if (!scene.action->makes)
		return;
	mkdir(world.seats[scene.action->who].dir, 0700);
	copy_beside(true);
}

void
scene_unmake(void)
{
	if (scene.action->makes)
		world_remove_tree(world.seats[scene.action->who].dir);
}

void
scene_rewind(void)
{
	scene_close();
	for (size_t i = 0; i < world.seat_count; i++) {
		struct seat *seat = &world.seats[i];

		seat->seen_b = scene.seen_b[i];
		seat->struck = DISK_FINE;
	}
	scene_unmake();
	world.owed_count = 0;
	for (size_t i = 0; i < scene.owed_count; i++) {
		world.owed = mem_grow(world.owed, world.owed_count, &world.owed_cap, sizeof(*world.owed));
		world.owed[world.owed_count++] = scene.owed[i];
	}
	world.now_ms = scene.now_ms;
	wire_forget();
	check_forget();
}

void
scene_back(void)
{
	scene_rewind();
	for (size_t i = 0; i < world.seat_count; i++)
		disk_back(world.seats[i].disk, scene.shots[i]);
}

static int64_t
own_batches(void)
{
	char sql[96];

	if (ANA->node == NULL)
		return 0;
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM batch WHERE w = %lld", (long long)ANA->node->w);
	return world_number(ANA->node, sql);
}

/* The hub's machine is left as it is. */
static bool
hub_died(void)
{
	return disk_is_dead(HUB->disk);
}

/* Questions of ours are not to meet a fault that waits for the action. */
static void (*listener)(const void *body, size_t len);

static void
said(const void *body, size_t len)
{
	if (world.wholly)
		listener(body, len);
}

bool
scene_make(const struct action *action)
{
	struct err err = { .code = OK };

	scene.action = action;
	seen = mmap(NULL, SLOTS * sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		mem_out();
	scene_dice(1, 0, 0);
	world_found();
	wire_world.hub_died = hub_died;
	listener = wire_world.said;
	wire_world.said = said;
	if (!world.failed)
		world_join(world_add_seat("ana"), 0);
	if (!world.failed)
		action->prepare();
	if (world.failed)
		return false;
	scene.before = own_batches();
	scene_close();
	for (size_t i = 0; i < world.seat_count; i++) {
		scene.shots[i] = disk_shot(world.seats[i].disk);
		scene.seen_b[i] = world.seats[i].seen_b;
	}
	scene.owed_count = world.owed_count;
	scene.owed = mem_alloc((world.owed_count + 1) * sizeof(*scene.owed));
	memcpy(scene.owed, world.owed, world.owed_count * sizeof(*scene.owed));
	scene.now_ms = world.now_ms;
	/* How it ends when nothing goes wrong. */
	scene_back();
	scene_dice(2, 0, 0);
	scene_open();
	if (!world.failed && action->act(&err) != OK)
		world_fail("setup", "%s: %s", action->name, err.msg);
	scene.after = own_batches();
	scene_close();
	return !world.failed;
}

void
scene_end(void)
{
	scene_close();
	for (size_t i = 0; i < world.seat_count; i++) {
		disk_free(scene.shots[i]);
		scene.shots[i] = NULL;
	}
	free(scene.owed);
	scene.owed = NULL;
	world_end();
	munmap(seen, SLOTS * sizeof(*seen));
	script_release(&scene.script);
}

/* --- after a fault --- */

/* Is the file of SEAT whole, are its debts there (unless we know so), and does its program go on? */
static bool
settled(struct seat *seat, bool known)
{
	struct err err;

	if (!known)
		seat_check_durable(seat);
	if (!world.failed && db_truncate_wal(seat->node->db, &err) != OK)
		world_fail("P10", "%s: %s", seat->name, err.msg);
	return !world.failed;
}

void
scene_say_where(const char *fmt, ...)
{
	size_t used = strlen(world.why);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(world.why + used, sizeof(world.why) - used, fmt, ap);
	va_end(ap);
}

void
scene_get_up(void)
{
	struct seat *made = &world.seats[scene.action->who];
	struct err err;

	scene_open();
	if (world.failed || !scene.action->makes)
		return;
	world_act(made);
	if (node_open(&made->node, made->dir, &err) != OK && scene.action->act(&err) != OK)
		world_fail("P10", "%s after the power was lost: %s", scene.action->name, err.msg);
	else if (scene.action->good && !scene.action->good())
		world_fail("P11", "%s after the power was lost: it writes under its old name", scene.action->name);
}

enum disk_strike
scene_calm(struct seat *seat)
{
	enum disk_strike struck = disk_calm(seat->disk);

	return memory_calm() ? DISK_FAILED : struck;
}

void
scene_check_whole(bool acted)
{
	int64_t own = own_batches();

	if (scene.action->whole && ANA->node && own != scene.after && (acted || own != scene.before))
		world_fail("P6", "Ana has %lld batches of her own: %lld before it, %lld after it, which %s",
		    (long long)own, (long long)scene.before, (long long)scene.after,
		    acted ? "was done" : "was not done");
}

static void
check_alone(struct seat *seat)
{
	struct verify_result result;
	struct err err;

	if (verify_node(&result, seat->node, NULL, NULL, &err) != OK)
		world_fail("P2", "%s: %s", seat->name, err.msg);
}

/* Both disks as they are, and what is owed. */
static uint64_t
state_hash(void)
{
	uint64_t hash = 0x756e7361;

	for (size_t i = 0; i < world.seat_count; i++)
		hash = hash * 31 + disk_hash(world.seats[i].disk);
	for (size_t i = 0; i < world.owed_count; i++)
		hash = hash * 31 + bytes_get_be64(world.owed[i].hash) + world.owed[i].at_hub;
	return hash;
}

void
scene_check(struct tally *tally)
{
	bool known = !seen_add(state_hash());
	uint64_t hash = 0;

	for (size_t i = 0; i < world.seat_count; i++) {
		if (!settled(&world.seats[i], known))
			return;
		hash = hash * 31 + disk_hash(world.seats[i].disk);
	}
	if (!seen_add(hash))
		return;
	tally->looked++;
	if (scene.action->alone) {
		check_alone(&world.seats[scene.action->who]);
		return;
	}
	world.now_ms += 1000;
	check_world();
	world.wholly = false;
}
