#include "world.h"

#include <dirent.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "check.h"
#include "clock.h"
#include "core/batch.h"
#include "crypto/key.h"
#include "dice.h"
#include "node/edit.h"
#include "node/enrol.h"
#include "node/found.h"
#include "node/invite.h"
#include "node/serve.h"
#include "store/db.h"
#include "store/log.h"
#include "vfs.h"
#include "wire.h"
#include "work.h"

#define MINUTE_MS 60000u
#define START_MS 1767600000000u		/* 5 January 2026 */
#define URL "http://hub.sim"

struct world world;
const char *const sometimes_names[DID_COUNT] = {
#define X(name) #name,
	SOMETIMES_LIST(X)
#undef X
};
uint64_t sometimes[DID_COUNT];

/* The hub's lines, instead of base/log.c's. */
void
log_line(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	world_say("hub says: %s", line);
}

void
world_say(const char *fmt, ...)
{
	va_list ap;

	if (!world.verbose)
		return;
	va_start(ap, fmt);
	printf("%5u %-6s ", (unsigned)dice_step_number(), world.acting ? world.acting->name : "");
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
}

void
world_fail(const char *property, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (world.failed)
		return;
	world.failed = true;
	n = snprintf(world.why, sizeof(world.why), "%s at step %u: ", property, (unsigned)dice_step_number());
	va_start(ap, fmt);
	vsnprintf(world.why + n, sizeof(world.why) - (size_t)n, fmt, ap);
	va_end(ap);
	world_say("FAILED %s", world.why);
}

void
world_trace(const char *what, uint64_t number)
{
	crypto_generichash_state state;
	uint8_t bytes[8];

	bytes_put_be64(bytes, number);
	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, world.trace, sizeof(world.trace));
	crypto_generichash_update(&state, (const uint8_t *)what, strlen(what) + 1);
	crypto_generichash_update(&state, bytes, sizeof(bytes));
	crypto_generichash_final(&state, world.trace, 32);
}

struct seat *
world_act(struct seat *seat)
{
	struct seat *before = world.acting;

	world.acting = seat;
	clock_set_ms((uint64_t)((int64_t)world.now_ms + (seat ? seat->skew_ms : 0)));
	return before;
}

/* --- the line --- */

static struct seat *asking;

static void
at_hub(bool begin)
{
	if (begin) {
		asking = world_act(HUB);
	} else {
		world_act(asking);
	}
}

static void
count(const char *path, int status)
{
	if (strcmp(path, "/ask/passport") == 0 && status == 200)
		SOMETIMES(passport_asked);
}

static void
hub_dies(enum wire_fault how, uint32_t amount)
{
	if (how == WIRE_HUB_DIES)
		disk_die_at(HUB->disk, amount);
	else if (how == WIRE_HUB_FAILS)
		disk_fail_at(HUB->disk, amount);
	else
		disk_quota(HUB->disk, amount / 16 * 4096u);
}

static bool
hub_died(void)
{
	struct seat *before;

	if (!disk_is_dead(HUB->disk)) {
		disk_calm(HUB->disk);
		return false;
	}
	SOMETIMES(hub_died_in_request);
	before = world_act(HUB);
	seat_restart(HUB);
	world_act(before);
	return true;
}

static void
said(const void *body, size_t len)
{
	if (asking && asking != HUB)
		check_message(asking, body, len);
}

/* --- set up --- */

static void
must(enum err_code code, const struct err *err, const char *doing)
{
	if (code != OK)
		world_fail("setup", "%s: %s", doing, err->msg);
}

struct seat *
world_add_seat(const char *name)
{
	struct seat *seat = &world.seats[world.seat_count++];

	*seat = (struct seat){ .role = ROLE_REP };
	snprintf(seat->name, sizeof(seat->name), "%s", name);
	snprintf(seat->dir, sizeof(seat->dir), "%s/%s.0", world.root, name);
	snprintf(seat->backup, sizeof(seat->backup), "%s/%s.backup", world.root, name);
	seat->disk = disk_new(seat->dir);
	return seat;
}

static void
add_person(struct seat *seat, unsigned n)
{
	const struct type *type = &schema_types[TYPE_PERSON];
	char text[32];
	struct edit *edit;
	struct err err;

	must(edit_begin(&edit, HUB->node, &err), &err, "person");
	must(edit_new(edit, type, NULL, &seat->person, &err), &err, "person");
	must(edit_set_text(edit, &type->fields[PERSON_NAME], seat->name, &err), &err, "person");
	must(edit_set_text(edit, &type->fields[PERSON_ROLE], role_names[seat->role], &err), &err, "person");
	snprintf(text, sizeof(text), "T%u", n % 2);
	must(edit_set_text(edit, &type->fields[PERSON_TEAM], text, &err), &err, "person");
	snprintf(text, sizeof(text), "S%u", n % 3);
	must(edit_set_text(edit, &type->fields[PERSON_TERRITORY], text, &err), &err, "person");
	snprintf(text, sizeof(text), "B%u", n % 2);
	must(edit_set_text(edit, &type->fields[PERSON_BRANCH], text, &err), &err, "person");
	must(edit_commit(edit, &err), &err, "person");
	seat_acted(HUB, OK);
}

void
world_invite(char code[INVITE_CODE_TEXT], struct seat *seat, unsigned n)
{
	struct err err;

	world.now_ms += MINUTE_MS;
	world_act(HUB);
	add_person(seat, n);
	if (!world.failed)
		must(invite_person(code, HUB->node, &seat->person, &err), &err, "invite");
	seat_acted(HUB, OK);
}

void
world_join(struct seat *seat, unsigned n)
{
	char code[INVITE_CODE_TEXT];
	struct sync_result result;
	struct err err;

	world_invite(code, seat, n);
	world_act(seat);
	if (!world.failed)
		must(enrol_join(&seat->node, seat->dir, URL, code, seat->name, &err), &err, "join");
	if (!world.failed)
		must(seat_sync(&result, seat, &err), &err, "first sync");
}

static uint8_t
dial(uint32_t most)
{
	return (uint8_t)(dice_chance(128) ? dice_pick(most) : 0);
}

static void
draw_dials(void)
{
	struct dials *d = &world.dials;

	d->steps = 20 + dice_pick(200);
	d->wire = dial(220);
	d->power = dial(50);
	d->io = dial(40);
	d->full = dial(30);
	d->jump = dial(20);
	d->policy = dial(160);
	d->backup = dial(60);
	d->restore = dial(30);
	d->hub_restore = dial(30);
	d->device = dial(10);
	d->rogue = dial(60);
	d->idle = dial(12);
	d->interlude = dial(60);
	d->decide = dial(80);
}

/* After all else of the first step, so that a script of before means what it did. */
static void
draw_more_dials(void)
{
	struct dials *d = &world.dials;

	d->copy = dial(10);
	d->until = dial(60);
	d->demote = dial(20);
	d->owners = dial(30);
	/* Whether a grant has ended the model asks a hub whose clock is right. */
	d->hub_jump = d->until ? 0 : dial(10);
	d->cut = dial(120);
}

char *
world_new_root(void)
{
	char root[64];

	snprintf(root, sizeof(root), "%s/satchel-sim-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(root) == NULL) {
		perror(root);
		exit(2);
	}
	return mem_strdup(root);
}

void
world_found(void)
{
	const char *dump = world.dump;
	bool verbose = world.verbose;
	struct err err;

	world = (struct world){ .now_ms = START_MS, .verbose = verbose, .dump = dump };
	wire_world = (struct wire_world){ at_hub, said, work_interlude, hub_dies, hub_died, count, world_trace };
	world.root = world_new_root();
	world_add_seat("hub");
	HUB->role = ROLE_HEAD;
	world_act(HUB);
	must(found_hub(&HUB->node, HUB->dir, &(struct founding){ .org = "Sim", .person = "Ana" }, &err), &err,
	    "found");
	if (world.failed)
		return;
	HUB->person = HUB->node->person;
	must(serve_start(&world.serve, HUB->dir, "127.0.0.1:0", false, &err), &err, "serve");
	seat_acted(HUB, OK);
}

void
world_make(void)
{
	static const enum role others[] = { ROLE_REP, ROLE_REP, ROLE_REP, ROLE_BRANCH, ROLE_AUDITOR, ROLE_ERP };
	char name[16];
	size_t reps;

	world_found();
	draw_dials();
	reps = 2 + dice_pick(4);
	for (size_t i = 0; i < 2 + reps && !world.failed; i++) {
		struct seat *seat;

		snprintf(name, sizeof(name), i < 2 ? "head%u" : "rep%u", (unsigned)(i < 2 ? i : i - 2));
		seat = world_add_seat(name);
		seat->role = i < 2 ? ROLE_HEAD : others[dice_pick(6)];
		world_join(seat, (unsigned)i);
	}
	/* The last of them may run a changed program. */
	world.seats[world.seat_count - 1].rogue = world.dials.rogue != 0;
	draw_more_dials();
}

void
world_remove_tree(const char *path)
{
	struct dirent *entry;
	char below[512];
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below) < 0)
			world_remove_tree(below);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

void
world_end(void)
{
	world_act(NULL);
	for (size_t i = world.seat_count; i > 0; i--) {
		disk_calm(world.seats[i - 1].disk);
		seat_off(&world.seats[i - 1]);
		disk_free(world.seats[i - 1].disk);
		disk_free(world.seats[i - 1].other);
	}
	wire_forget();
	check_forget();
	free(world.owed);
	world.owed = NULL;
	if (world.root)
		world_remove_tree(world.root);
	free(world.root);
	world.root = NULL;
	world.seat_count = 0;
}

void
world_canary(char out[32], int client, uint8_t block)
{
	snprintf(out, 32, "cnry%02x%x%05x", (unsigned)client & 0xff, block & 15u,
	    (unsigned)world.next_canary++ & 0xfffff);
}
