#include "vfs_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "clock.h"
#include "dice.h"

static struct file *newborn;

static void
load_real(struct file *file, const char *path)
{
	uint8_t buffer[65536];
	FILE *in = fopen(path, "rbe");
	size_t n;

	if (in == NULL)
		return;
	while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		content_write(&file->now, file->now.len, buffer, n);
	fclose(in);
	content_set(&file->synced, &file->now);
}

static void
write_out(const struct file *file)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", file->disk->directory, file->name);
	if ((out = fopen(path, "wbe")) == NULL)
		return;
	fwrite(content_at(&file->now, 0), 1, file->now.len, out);
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
		tape_tell(file->disk, file->name, DROPPED, 0, NULL, 0);
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

	if (disk_access_fails(file->disk, ACCESS_READ))
		return SQLITE_IOERR_READ;
	have = at < file->now.len ? file->now.len - at : 0;
	if (have >= len) {
		memcpy(out, content_at(&file->now, at), len);
		return SQLITE_OK;
	}
	if (have)
		memcpy(out, content_at(&file->now, at), have);
	memset((uint8_t *)out + have, 0, len - have);
	return SQLITE_IOERR_SHORT_READ;
}

static int
x_write(sqlite3_file *base, const void *p, int amount, sqlite3_int64 offset)
{
	struct file *file = ((struct connection *)base)->file;
	size_t at = (size_t)offset, len = (size_t)amount;

	if (disk_access_fails(file->disk, ACCESS_WRITE))
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
	file_change(file, at, p, len);
	tape_tell(file->disk, file->name, CHANGED, at, p, len);
	return SQLITE_OK;
}

static int
x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct file *file = ((struct connection *)base)->file;

	if (disk_access_fails(file->disk, ACCESS_CUT))
		return SQLITE_IOERR_TRUNCATE;
	file_change(file, (size_t)size, NULL, 0);
	tape_tell(file->disk, file->name, CHANGED, (size_t)size, NULL, 0);
	return SQLITE_OK;
}

static int
x_sync(sqlite3_file *base, int flags)
{
	struct file *file = ((struct connection *)base)->file;

	(void)flags;
	if (disk_access_fails(file->disk, ACCESS_SYNC))
		return SQLITE_IOERR_FSYNC;
	file_keep_changes(file);
	tape_tell(file->disk, file->name, SYNCED, 0, NULL, 0);
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
		file_drop_shm(c->file);
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
	if (disk_access_fails(disk, ACCESS_OPEN))
		return SQLITE_CANTOPEN;
	if ((file = file_find(disk, name)) == NULL) {
		if (!(flags & SQLITE_OPEN_CREATE) && access(path, F_OK) != 0)
			return SQLITE_CANTOPEN;
		file = file_new(disk, name);
		if (flags & SQLITE_OPEN_MAIN_DB)
			load_real(file, path);
		if (file->now.len == 0 && newborn && strcmp(name, newborn->name) == 0) {
			content_set(&file->now, &newborn->now);
			content_set(&file->synced, &newborn->now);
		}
		tape_tell(disk, file->name, MADE, 0, content_at(&file->now, 0), file->now.len);
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
	if (disk_access_fails(disk, ACCESS_OPEN))
		return SQLITE_IOERR_DELETE;
	if (file->opened == 0) {
		tape_tell(disk, file->name, DROPPED, 0, NULL, 0);
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

void
vfs_newborn(struct disk *disk, const char *name)
{
	newborn = disk ? file_find(disk, name) : NULL;
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
