#include "run.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "crypto/key.h"
#include "repo/remote.h"
#include "sign.h"
#include "store/db.h"
#include "vfs.h"
#include "work.h"

/* One seed in so many is played with real signatures, and each home makes its tables. */
#define REAL_IN 16u

static struct disk *blank;	/* a database with nothing in it but tables */

void
run_library_init(void)
{
	/* Pages and files come and go; the kernel need not hear of it. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	clock_take_randomness();
	vfs_register();
	key_library_init();
	remote_library_init();
}

static void
make_blank(void)
{
	char path[128];
	struct db *db = NULL;
	struct err err;
	bool stale;

	world.root = world_new_root();
	blank = disk_new(world.root);
	snprintf(path, sizeof(path), "%s/satchel.db", world.root);
	if (db_open(&db, path, true, &stale, &err) != OK || db_truncate_wal(db, &err) != OK) {
		fprintf(stderr, "sim: %s\n", err.msg);
		exit(2);
	}
	db_close(db);
	world_end();
}

static void
run(struct run_result *out, uint64_t seed)
{
	uint64_t syncs = sometimes[DID_syncs], start;

	*out = (struct run_result){ .failed = false };
	if (blank == NULL)
		make_blank();
	sign_for_real(seed % REAL_IN == 1);
	vfs_newborn(seed % REAL_IN == 1 ? NULL : blank, "satchel.db");
	dice_step();
	vfs_forget();
	world_make();
	start = world.now_ms;
	for (uint32_t i = 0; i < world.dials.steps && !world.failed && dice_step(); i++) {
		work_step();
		out->steps++;
	}
	if (!world.failed)
		check_world();
	if (world.failed && world.dump)
		check_dump(world.dump);
	out->failed = world.failed;
	memcpy(out->why, world.why, sizeof(out->why));
	memcpy(out->trace, world.trace, sizeof(out->trace));
	out->syncs = sometimes[DID_syncs] - syncs;
	out->simulated_ms = (world.now_ms - start) * world.seat_count;
	world_end();
}

void
run_seed(struct run_result *out, struct script *script, uint64_t seed)
{
	dice_sow(script, seed);
	run(out, seed);
}

void
run_script(struct run_result *out, const struct script *script)
{
	dice_replay(script);
	run(out, script->seed);
}
