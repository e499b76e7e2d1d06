#include "vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "clock.h"
#include "dice.h"

#define SECTOR 512u
#define SHM_LOCKS 8
#define REGIONS_MAX 64

struct bytes {
	uint8_t *p;
	size_t len, cap;
};

/* A change that was not synced; p NULL: the file was cut to `at` bytes. */
struct change {
	STAILQ_ENTRY(change) next;
	size_t at, len;
	uint8_t *p;
};

struct file {
	LIST_ENTRY(file) next;
	char name[64];
	struct disk *disk;
	struct bytes now, synced;
	STAILQ_HEAD(, change) changes;
	size_t change_count;
	unsigned opened;
	unsigned shared;	/* connections with a shared lock or more */
	struct connection *reserved, *exclusive;
	uint8_t *regions[REGIONS_MAX];
	size_t region_count;
	unsigned shm_shared[SHM_LOCKS];
	struct connection *shm_exclusive[SHM_LOCKS];
	bool write_out;
};

struct connection {
	sqlite3_file base;
	struct file *file;
	char *temporary;	/* path of a file that goes when it is closed */
	int lock;
	uint16_t shm_shared, shm_exclusive;	/* bits */
};

struct disk {
	LIST_ENTRY(disk) next;
	char *directory;
	LIST_HEAD(, file) files;
	uint32_t die_at, fail_at, full_at;	/* 0: not */
	enum access_kind kind;		/* that fails */
	size_t quota;
	bool dead;
	enum disk_strike struck;
	uint64_t accesses;
};

static LIST_HEAD(, disk) disks = LIST_HEAD_INITIALIZER(disks);
void (*disk_died)(struct disk *disk);

/* A change on a tape; of a file that appears (with what it has then), goes, is synced,
 * is written or cut. */
struct event {
	const struct disk *disk;
	char name[64];
	enum change_kind { MADE, DROPPED, SYNCED, CHANGED } what;
	size_t at, len;
	uint8_t *p;		/* NULL: CHANGED is cut */
};

struct tape {
	struct event *events;
	size_t count, cap;
};

static struct tape *running;

static void
tell_tape(const struct disk *disk, const char *name, enum change_kind what, size_t at, const void *p, size_t len)
{
	struct event *event;

	if (running == NULL)
		return;
	running->events = mem_grow(running->events, running->count, &running->cap, sizeof(*running->events));
	event = &running->events[running->count++];
	*event = (struct event){ .disk = disk, .what = what, .at = at, .len = len };
	snprintf(event->name, sizeof(event->name), "%s", name);
	if (p) {
		event->p = mem_alloc(len + 1);
		memcpy(event->p, p, len);
	}
}

/* --- disks --- */

struct disk *
disk_new(const char *directory)
{
	struct disk *disk = mem_alloc(sizeof(*disk));

	disk->directory = mem_strdup(directory);
	disk->quota = SIZE_MAX;
	LIST_INIT(&disk->files);
	LIST_INSERT_HEAD(&disks, disk, next);
	return disk;
}

static void
forget_changes(struct file *file)
{
	struct change *change;

	while ((change = STAILQ_FIRST(&file->changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&file->changes, next);
		free(change->p);
		free(change);
	}
	file->change_count = 0;
}

static void
drop_shm(struct file *file)
{
	for (size_t i = 0; i < file->region_count; i++)
		free(file->regions[i]);
	file->region_count = 0;
}

static void
file_free(struct file *file)
{
	assert(file->opened == 0);
	LIST_REMOVE(file, next);
	forget_changes(file);
	drop_shm(file);
	free(file->now.p);
	free(file->synced.p);
	free(file);
}

void
disk_free(struct disk *disk)
{
	struct file *file;

	if (disk == NULL)
		return;
	while ((file = LIST_FIRST(&disk->files)) != NULL)
		file_free(file);
	LIST_REMOVE(disk, next);
	free(disk->directory);
	free(disk);
}

void
disk_die_at(struct disk *disk, uint32_t k)
{
	disk->die_at = k;
	disk->struck = DISK_FINE;
}

void
disk_fail_at(struct disk *disk, uint32_t k)
{
	disk->fail_at = k;
	disk->kind = ACCESS_ANY;
	disk->struck = DISK_FINE;
}

void
disk_fail_kind(struct disk *disk, enum access_kind kind, uint32_t k)
{
	disk_fail_at(disk, k);
	disk->kind = kind;
}

void
disk_full_from(struct disk *disk, uint32_t k)
{
	disk->full_at = k;
	disk->struck = DISK_FINE;
}

void
disk_quota(struct disk *disk, size_t bytes)
{
	disk->quota = bytes;
	disk->struck = DISK_FINE;
}

bool
disk_is_dead(const struct disk *disk)
{
	return disk->dead;
}

enum disk_strike
disk_calm(struct disk *disk)
{
	enum disk_strike struck = disk->struck;

	disk->die_at = disk->fail_at = disk->full_at = 0;
	disk->quota = SIZE_MAX;
	disk->struck = DISK_FINE;
	return struck;
}

uint64_t
disk_accesses(const struct disk *disk)
{
	return disk->accesses;
}

/* --- bytes --- */

static void
bytes_fit(struct bytes *bytes, size_t len)
{
	size_t cap = bytes->cap ? bytes->cap : 4096;
	uint8_t *p;

	if (len <= bytes->cap)
		return;
	while (cap < len)
		cap *= 2;
	p = mem_alloc(cap);
	if (bytes->len)
		memcpy(p, bytes->p, bytes->len);
	free(bytes->p);
	bytes->p = p;
	bytes->cap = cap;
}

static void
bytes_write(struct bytes *bytes, size_t at, const uint8_t *p, size_t len)
{
	bytes_fit(bytes, at + len);
	if (at > bytes->len)
		memset(bytes->p + bytes->len, 0, at - bytes->len);
	memcpy(bytes->p + at, p, len);
	if (at + len > bytes->len)
		bytes->len = at + len;
}

static void
bytes_cut(struct bytes *bytes, size_t len)
{
	bytes_fit(bytes, len);
	if (len > bytes->len)
		memset(bytes->p + bytes->len, 0, len - bytes->len);
	bytes->len = len;
}

static void
bytes_set(struct bytes *bytes, const struct bytes *from)
{
	bytes->len = 0;
	if (from->len)
		bytes_write(bytes, 0, from->p, from->len);
}

/* --- losing power --- */

static void
survive(struct bytes *to, const struct change *change, enum survival how)
{
	bool alone = how == SECTORS || how == SOME;

	if (change->p == NULL) {
		if (!alone || dice_chance(128))
			bytes_cut(to, change->at);
		return;
	}
	if (how != SECTORS) {
		if (!alone || dice_chance(128))
			bytes_write(to, change->at, change->p, change->len);
		return;
	}
	for (size_t done = 0; done < change->len;) {
		size_t at = change->at + done, len = SECTOR - at % SECTOR;

		if (len > change->len - done)
			len = change->len - done;
		if (dice_chance(128))
			bytes_write(to, at, change->p + done, len);
		done += len;
	}
}

static void
file_power(struct file *file, enum survival how)
{
	size_t left = file->change_count;
	struct change *change;

	if (how == NOTHING)
		left = 0;
	if (how == A_BEGINNING && left)
		left = dice_pick(left > 65535 ? 65536 : (uint32_t)left + 1);
	STAILQ_FOREACH(change, &file->changes, next) {
		if (left == 0)
			break;
		left--;
		survive(&file->synced, change, how);
	}
	forget_changes(file);
	bytes_set(&file->now, &file->synced);
	drop_shm(file);
}

void
disk_power_as(struct disk *disk, enum survival how)
{
	struct file *file;

	LIST_FOREACH(file, &disk->files, next) {
		assert(file->opened == 0);
		file_power(file, how == SURVIVALS ? (enum survival)dice_pick(4) : how);
	}
	disk->dead = false;
	disk->die_at = 0;
}

void
disk_power(struct disk *disk)
{
	disk_power_as(disk, SURVIVALS);
}

void
disk_copy(struct disk *to, const struct disk *from)
{
	const struct file *file;

	LIST_FOREACH(file, &from->files, next) {
		struct file *copy = mem_alloc(sizeof(*copy));

		memcpy(copy->name, file->name, sizeof(copy->name));
		copy->disk = to;
		STAILQ_INIT(&copy->changes);
		bytes_set(&copy->now, &file->now);
		bytes_set(&copy->synced, &file->now);
		LIST_INSERT_HEAD(&to->files, copy, next);
	}
}

void
disk_each(const struct disk *disk, void (*each)(void *context, const char *name, const uint8_t *p,
    size_t len), void *context)
{
	const struct file *file;

	LIST_FOREACH(file, &disk->files, next)
		each(context, file->name, file->now.p, file->now.len);
}

/* --- SQLite's side --- */

/* Is this access to fail? */
static bool
access_fails(struct disk *disk, enum access_kind kind)
{
	disk->accesses++;
	if (disk->dead)
		return true;
	if (disk->die_at && --disk->die_at == 0) {
		disk->dead = true;
		disk->struck = DISK_FAILED;
		if (disk_died)
			disk_died(disk);
		return true;
	}
	if (disk->fail_at && (disk->kind == ACCESS_ANY || disk->kind == kind) && --disk->fail_at == 0) {
		disk->struck = DISK_FAILED;
		return true;
	}
	return false;
}

static struct disk *
disk_of(const char **name, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct disk *disk;

	*name = slash ? slash + 1 : path;
	LIST_FOREACH(disk, &disks, next)
		if (slash && strlen(disk->directory) == (size_t)(slash - path) &&
		    memcmp(disk->directory, path, (size_t)(slash - path)) == 0)
			return disk;
	return NULL;
}

static struct file *
file_find(struct disk *disk, const char *name)
{
	struct file *file;

	LIST_FOREACH(file, &disk->files, next)
		if (strcmp(file->name, name) == 0)
			return file;
	return NULL;
}

static struct file *
file_new(struct disk *disk, const char *name)
{
	struct file *file = mem_alloc(sizeof(*file));

	snprintf(file->name, sizeof(file->name), "%s", name);
	file->disk = disk;
	STAILQ_INIT(&file->changes);
	LIST_INSERT_HEAD(&disk->files, file, next);
	return file;
}

static void
load_real(struct file *file, const char *path)
{
	uint8_t buffer[65536];
	FILE *in = fopen(path, "rbe");
	size_t n;

	if (in == NULL)
		return;
	while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		bytes_write(&file->now, file->now.len, buffer, n);
	fclose(in);
	bytes_set(&file->synced, &file->now);
}

static void
write_out(const struct file *file)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", file->disk->directory, file->name);
	if ((out = fopen(path, "wbe")) == NULL)
		return;
	fwrite(file->now.p, 1, file->now.len, out);
	fclose(out);
}

static int
x_lock(sqlite3_file *base, int level)
{
	struct connection *c = (struct connection *)base;
	struct file *file = c->file;

	if (c->lock >= level)
		return SQLITE_OK;
	if (file->exclusive && file->exclusive != c)
		return SQLITE_BUSY;
	if (c->lock == SQLITE_LOCK_NONE) {
		file->shared++;
		c->lock = SQLITE_LOCK_SHARED;
	}
	if (level == SQLITE_LOCK_SHARED)
		return SQLITE_OK;
	if (file->reserved && file->reserved != c)
		return SQLITE_BUSY;
	file->reserved = c;
	if (level == SQLITE_LOCK_RESERVED) {
		c->lock = level;
		return SQLITE_OK;
	}
	file->exclusive = c;
	if (file->shared > 1) {
		c->lock = SQLITE_LOCK_PENDING;
		return SQLITE_BUSY;
	}
	c->lock = level;
	return SQLITE_OK;
}

static int
x_unlock(sqlite3_file *base, int level)
{
	struct connection *c = (struct connection *)base;
	struct file *file = c->file;

	if (c->lock <= level)
		return SQLITE_OK;
	if (file->reserved == c)
		file->reserved = NULL;
	if (file->exclusive == c)
		file->exclusive = NULL;
	if (level == SQLITE_LOCK_NONE)
		file->shared--;
	c->lock = level;
	return SQLITE_OK;
}

static int
x_close(sqlite3_file *base)
{
	struct connection *c = (struct connection *)base;
	struct file *file = c->file;

	if (file == NULL)
		return SQLITE_OK;
	x_unlock(base, SQLITE_LOCK_NONE);
	c->file = NULL;
	if (--file->opened == 0 && (file->write_out || c->temporary)) {
		if (file->write_out && !file->disk->dead)
			write_out(file);
		tell_tape(file->disk, file->name, DROPPED, 0, NULL, 0);
		file_free(file);
	}
	free(c->temporary);
	return SQLITE_OK;
}

static int
x_read(sqlite3_file *base, void *out, int amount, sqlite3_int64 offset)
{
	struct file *file = ((struct connection *)base)->file;
	size_t at = (size_t)offset, len = (size_t)amount, have;

	if (access_fails(file->disk, ACCESS_READ))
		return SQLITE_IOERR_READ;
	have = at < file->now.len ? file->now.len - at : 0;
	if (have >= len) {
		memcpy(out, file->now.p + at, len);
		return SQLITE_OK;
	}
	if (have)
		memcpy(out, file->now.p + at, have);
	memset((uint8_t *)out + have, 0, len - have);
	return SQLITE_IOERR_SHORT_READ;
}

static void
add_change(struct file *file, size_t at, const uint8_t *p, size_t len)
{
	struct change *change = mem_alloc(sizeof(*change));

	change->at = at;
	change->len = len;
	if (p) {
		change->p = mem_alloc(len + 1);
		memcpy(change->p, p, len);
	}
	STAILQ_INSERT_TAIL(&file->changes, change, next);
	file->change_count++;
}

static void
note_change(struct file *file, size_t at, const void *p, size_t len)
{
	add_change(file, at, p, len);
	tell_tape(file->disk, file->name, CHANGED, at, p, len);
}

static int
x_write(sqlite3_file *base, const void *p, int amount, sqlite3_int64 offset)
{
	struct file *file = ((struct connection *)base)->file;
	size_t at = (size_t)offset, len = (size_t)amount;

	if (access_fails(file->disk, ACCESS_WRITE))
		return SQLITE_IOERR_WRITE;
	if (at + len > file->now.len && file->disk->full_at && (file->disk->full_at == 1 || --file->disk->full_at == 0)) {
		file->disk->full_at = 1;
		file->disk->struck = DISK_FULL;
		return SQLITE_FULL;
	}
	if (at + len > file->now.len && file->disk->quota != SIZE_MAX) {
		size_t grown = at + len - file->now.len;

		if (grown > file->disk->quota) {
			file->disk->struck = DISK_FULL;
			return SQLITE_FULL;
		}
		file->disk->quota -= grown;
	}
	bytes_write(&file->now, at, p, len);
	note_change(file, at, p, len);
	return SQLITE_OK;
}

static int
x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct file *file = ((struct connection *)base)->file;

	if (access_fails(file->disk, ACCESS_CUT))
		return SQLITE_IOERR_TRUNCATE;
	bytes_cut(&file->now, (size_t)size);
	note_change(file, (size_t)size, NULL, 0);
	return SQLITE_OK;
}

static void
keep_changes(struct file *file)
{
	struct change *change;

	STAILQ_FOREACH(change, &file->changes, next)
		survive(&file->synced, change, EVERYTHING);
	forget_changes(file);
}

static int
x_sync(sqlite3_file *base, int flags)
{
	struct file *file = ((struct connection *)base)->file;

	(void)flags;
	if (access_fails(file->disk, ACCESS_SYNC))
		return SQLITE_IOERR_FSYNC;
	keep_changes(file);
	tell_tape(file->disk, file->name, SYNCED, 0, NULL, 0);
	return SQLITE_OK;
}

static int
x_file_size(sqlite3_file *base, sqlite3_int64 *size)
{
	struct file *file = ((struct connection *)base)->file;

	if (file->disk->dead)
		return SQLITE_IOERR_FSTAT;
	*size = (sqlite3_int64)file->now.len;
	return SQLITE_OK;
}

static int
x_check_reserved(sqlite3_file *base, int *out)
{
	*out = ((struct connection *)base)->file->reserved != NULL;
	return SQLITE_OK;
}

static int
x_control(sqlite3_file *base, int op, void *arg)
{
	(void)base;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int
x_sector_size(sqlite3_file *base)
{
	(void)base;
	return 4096;
}

static int
x_characteristics(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
x_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
	struct file *file = ((struct connection *)base)->file;

	*out = NULL;
	if (file->disk->dead)
		return SQLITE_IOERR_SHMMAP;
	if (region >= REGIONS_MAX)
		return SQLITE_FULL;
	while ((size_t)region >= file->region_count) {
		if (!extend)
			return SQLITE_OK;
		file->regions[file->region_count++] = mem_alloc((size_t)size);
	}
	*out = file->regions[region];
	return SQLITE_OK;
}

static int
x_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
	struct connection *c = (struct connection *)base;
	struct file *file = c->file;
	bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;

	for (int i = offset; i < offset + n; i++) {
		if (!(flags & SQLITE_SHM_LOCK))
			continue;
		if (file->shm_exclusive[i] && file->shm_exclusive[i] != c)
			return SQLITE_BUSY;
		if (exclusive && file->shm_shared[i] > ((unsigned)c->shm_shared >> i & 1u))
			return SQLITE_BUSY;
	}
	for (int i = offset; i < offset + n; i++) {
		uint16_t bit = (uint16_t)(1u << i);

		if (!(flags & SQLITE_SHM_LOCK)) {
			if (c->shm_shared & bit)
				file->shm_shared[i]--;
			if (c->shm_exclusive & bit)
				file->shm_exclusive[i] = NULL;
			c->shm_shared &= (uint16_t)~bit;
			c->shm_exclusive &= (uint16_t)~bit;
		} else if (exclusive) {
			file->shm_exclusive[i] = c;
			c->shm_exclusive |= bit;
		} else if (!(c->shm_shared & bit)) {
			file->shm_shared[i]++;
			c->shm_shared |= bit;
		}
	}
	return SQLITE_OK;
}

static void
x_shm_barrier(sqlite3_file *base)
{
	(void)base;
}

static int
x_shm_unmap(sqlite3_file *base, int delete)
{
	struct connection *c = (struct connection *)base;

	x_shm_lock(base, 0, SHM_LOCKS, SQLITE_SHM_UNLOCK);
	/* The last one out: the next must recover the index from the log. */
	if (c->file->opened == 1 || delete)
		drop_shm(c->file);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, .xClose = x_close, .xRead = x_read, .xWrite = x_write, .xTruncate = x_truncate,
	.xSync = x_sync, .xFileSize = x_file_size, .xLock = x_lock, .xUnlock = x_unlock,
	.xCheckReservedLock = x_check_reserved, .xFileControl = x_control, .xSectorSize = x_sector_size,
	.xDeviceCharacteristics = x_characteristics, .xShmMap = x_shm_map, .xShmLock = x_shm_lock,
	.xShmBarrier = x_shm_barrier, .xShmUnmap = x_shm_unmap,
};

static int
x_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags)
{
	struct connection *c = (struct connection *)base;
	struct disk *disk;
	struct file *file;
	const char *name;

	(void)vfs;
	*c = (struct connection){ 0 };
	/* temp_store is MEMORY: nothing of ours has a file without a name. */
	if (path == NULL || (disk = disk_of(&name, path)) == NULL)
		return SQLITE_CANTOPEN;
	if (access_fails(disk, ACCESS_OPEN))
		return SQLITE_CANTOPEN;
	if ((file = file_find(disk, name)) == NULL) {
		if (!(flags & SQLITE_OPEN_CREATE) && access(path, F_OK) != 0)
			return SQLITE_CANTOPEN;
		file = file_new(disk, name);
		if (flags & SQLITE_OPEN_MAIN_DB)
			load_real(file, path);
		tell_tape(disk, file->name, MADE, 0, file->now.p, file->now.len);
	}
	file->write_out = strcmp(name, "backup.tmp") == 0;
	file->opened++;
	c->file = file;
	if (flags & SQLITE_OPEN_DELETEONCLOSE)
		c->temporary = mem_strdup(path);
	c->base.pMethods = &methods;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int
x_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	struct disk *disk;
	struct file *file;
	const char *name;

	(void)vfs;
	(void)sync_dir;
	if ((disk = disk_of(&name, path)) == NULL || (file = file_find(disk, name)) == NULL)
		return SQLITE_IOERR_DELETE_NOENT;
	if (access_fails(disk, ACCESS_OPEN))
		return SQLITE_IOERR_DELETE;
	if (file->opened == 0) {
		tell_tape(disk, file->name, DROPPED, 0, NULL, 0);
		file_free(file);
	}
	return SQLITE_OK;
}

static int
x_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	const struct file *file;
	struct disk *disk;
	const char *name;

	(void)vfs;
	disk = disk_of(&name, path);
	if (disk && disk->dead)
		return SQLITE_IOERR_ACCESS;
	file = disk ? file_find(disk, name) : NULL;
	/* An empty journal is none, as in SQLite's own for Unix. */
	*out = file && (flags != SQLITE_ACCESS_EXISTS || file->now.len > 0);
	return SQLITE_OK;
}

static int
x_full_path(sqlite3_vfs *vfs, const char *path, int len, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)len, "%s", path);
	return SQLITE_OK;
}

static int
x_randomness(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs;
	dice_secret(out, (size_t)len);
	return len;
}

static int
x_sleep(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	return microseconds;
}

static int
x_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	(void)vfs;
	*out = (sqlite3_int64)(clock_now_ms() + 210866760000000u);
	return SQLITE_OK;
}

static int
x_last_error(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs;
	if (len > 0)
		out[0] = '\0';
	return 0;
}

/* --- shots and tapes --- */

static void
copy_files(struct disk *to, const struct disk *from)
{
	const struct file *file;
	const struct change *change;

	LIST_FOREACH(file, &from->files, next) {
		struct file *copy = file_new(to, file->name);

		bytes_set(&copy->now, &file->now);
		bytes_set(&copy->synced, &file->synced);
		STAILQ_FOREACH(change, &file->changes, next)
			add_change(copy, change->at, change->p, change->len);
	}
}

struct disk *
disk_shot(const struct disk *disk)
{
	struct disk *shot = disk_new("");

	copy_files(shot, disk);
	return shot;
}

void
disk_back(struct disk *disk, const struct disk *shot)
{
	struct file *file;

	while ((file = LIST_FIRST(&disk->files)) != NULL)
		file_free(file);
	if (shot)
		copy_files(disk, shot);
	disk_calm(disk);
	disk->dead = false;
}

static uint64_t
hash_bytes(uint64_t hash, const void *p, size_t len)
{
	const uint8_t *at = p;
	uint64_t word = 0;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	for (; len; at++, len--)
		hash = (hash ^ *at) * 1099511628211u;
	return hash;
}

uint64_t
disk_hash(const struct disk *disk)
{
	const struct file *file;
	uint64_t sum = 0;

	/* The order of the files is not the disk's. */
	LIST_FOREACH(file, &disk->files, next)
		sum += hash_bytes(hash_bytes(file->now.len + 1, file->name, strlen(file->name)), file->now.p,
		    file->now.len);
	return sum;
}

struct tape *
tape_start(void)
{
	assert(running == NULL);
	return running = mem_alloc(sizeof(*running));
}

void
tape_stop(void)
{
	running = NULL;
}

void
tape_free(struct tape *tape)
{
	for (size_t i = 0; tape && i < tape->count; i++)
		free(tape->events[i].p);
	if (tape)
		free(tape->events);
	free(tape);
}

size_t
tape_length(const struct tape *tape)
{
	return tape->count;
}

bool
tape_play(struct disk *shot, const struct tape *tape, size_t i, const struct disk *disk)
{
	const struct event *event = &tape->events[i];
	struct file *file;

	if (event->disk != disk)
		return false;
	if ((file = file_find(shot, event->name)) == NULL) {
		file = file_new(shot, event->name);
		if (event->len && event->what == MADE)
			bytes_write(&file->now, 0, event->p, event->len);
		bytes_set(&file->synced, &file->now);
	}
	if (event->what == DROPPED) {
		file_free(file);
	} else if (event->what == SYNCED) {
		keep_changes(file);
	} else if (event->what == CHANGED) {
		add_change(file, event->at, event->p, event->len);
		if (event->p)
			bytes_write(&file->now, event->at, event->p, event->len);
		else
			bytes_cut(&file->now, event->at);
	}
	return true;
}

void
vfs_forget(void)
{
	sqlite3_randomness(0, NULL);
}

void
vfs_register(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 2, .szOsFile = sizeof(struct connection), .mxPathname = 512, .zName = "sim",
		.xOpen = x_open, .xDelete = x_delete, .xAccess = x_access, .xFullPathname = x_full_path,
		.xRandomness = x_randomness, .xSleep = x_sleep, .xCurrentTimeInt64 = x_time,
		.xGetLastError = x_last_error,
	};

	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_vfs_register(&vfs, 1);
}
