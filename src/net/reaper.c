#include "net/reaper.h"

/* The C library's netinet/tcp.h knows a shorter struct tcp_info. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"

#define SECOND_US 1000000ull
#define TICK_US 100000ull
#define NEVER UINT64_MAX

struct reaper {
	pthread_t thread;
	pthread_mutex_t lock;	/* of all below and of every entry */
	pthread_cond_t changed;
	LIST_HEAD(, reaper_entry) entries;
	uint64_t header_us, grace_us;
	size_t count, crowd;	/* those that stand, uncut */
	bool stop;
};

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000;
}

static void
wait_until(struct reaper *reaper, uint64_t when_us)
{
	struct timespec when = {
		.tv_sec = (time_t)(when_us / SECOND_US),
		.tv_nsec = (long)(when_us % SECOND_US) * 1000,
	};

	pthread_cond_timedwait(&reaper->changed, &reaper->lock, &when);
}

/* Bytes that crossed the wire in the direction the phase is about. */
static uint64_t
moved(const struct reaper_entry *entry)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(entry->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return entry->moved;
	return entry->phase == REAPER_BODY ? info.tcpi_bytes_received : info.tcpi_bytes_acked;
}

static bool
has_pace(enum reaper_phase phase)
{
	return phase == REAPER_BODY || phase == REAPER_REPLY;
}

static void
cut(struct reaper *reaper, struct reaper_entry *entry)
{
	shutdown(entry->fd, SHUT_RDWR);
	entry->due_us = NEVER;
	entry->cut = true;
	reaper->count--;
}

static void
judge(struct reaper *reaper, struct reaper_entry *entry, uint64_t now)
{
	if (has_pace(entry->phase)) {
		uint64_t total = moved(entry);

		entry->due_us += (total - entry->moved) * SECOND_US / REAPER_PACE;
		entry->moved = total;
		if (entry->due_us > now + reaper->grace_us)
			entry->due_us = now + reaper->grace_us;
	}
	if (entry->due_us <= now)
		cut(reaper, entry);
}

static bool
has_spent(const struct reaper *reaper, const struct reaper_entry *entry, uint64_t now, uint64_t us)
{
	uint64_t had = entry->phase == REAPER_HEADER ? reaper->header_us : reaper->grace_us;

	return !entry->cut && entry->due_us != NEVER && entry->due_us + us <= now + had;
}

static void
thin_out(struct reaper *reaper, uint64_t now)
{
	size_t cuts = reaper->count > reaper->crowd ? reaper->count - reaper->crowd : 0;
	uint64_t most = reaper->header_us > reaper->grace_us ? reaper->header_us : reaper->grace_us;
	struct reaper_entry *entry;

	for (uint64_t us = most; cuts && us >= REAPER_CALM_US; us /= 2)
		LIST_FOREACH(entry, &reaper->entries, link)
			if (cuts && has_spent(reaper, entry, now, us)) {
				cut(reaper, entry);
				cuts--;
			}
}

static void *
run(void *arg)
{
	struct reaper *reaper = arg;
	struct reaper_entry *entry;

	pthread_mutex_lock(&reaper->lock);
	while (!reaper->stop) {
		uint64_t now = now_us();

		LIST_FOREACH(entry, &reaper->entries, link)
			if (!entry->cut && entry->due_us != NEVER)
				judge(reaper, entry, now);
		thin_out(reaper, now);
		if (LIST_EMPTY(&reaper->entries))
			pthread_cond_wait(&reaper->changed, &reaper->lock);
		else
			wait_until(reaper, now + TICK_US);
	}
	pthread_mutex_unlock(&reaper->lock);
	return NULL;
}

enum err_code
reaper_start(struct reaper **out, unsigned header_deadline_s, unsigned grace_s,
    size_t crowd, struct err *err)
{
	struct reaper *reaper = mem_alloc(sizeof(*reaper));
	pthread_condattr_t monotonic;
	int rc;

	LIST_INIT(&reaper->entries);
	reaper->header_us = header_deadline_s * SECOND_US;
	reaper->grace_us = grace_s * SECOND_US;
	reaper->crowd = crowd;
	pthread_mutex_init(&reaper->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&reaper->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	rc = pthread_create(&reaper->thread, NULL, run, reaper);
	if (rc != 0) {
		pthread_cond_destroy(&reaper->changed);
		pthread_mutex_destroy(&reaper->lock);
		free(reaper);
		*out = NULL;
		return err_set(err, ERR_IO, "start the thread of the deadlines: %s", strerror(rc));
	}
	*out = reaper;
	return OK;
}

void
reaper_stop(struct reaper *reaper)
{
	if (reaper == NULL)
		return;
	pthread_mutex_lock(&reaper->lock);
	reaper->stop = true;
	pthread_cond_broadcast(&reaper->changed);
	pthread_mutex_unlock(&reaper->lock);
	pthread_join(reaper->thread, NULL);
	pthread_cond_destroy(&reaper->changed);
	pthread_mutex_destroy(&reaper->lock);
	free(reaper);
}

static void
enter(const struct reaper *reaper, struct reaper_entry *entry, enum reaper_phase phase)
{
	entry->phase = phase;
	if (has_pace(phase)) {
		entry->moved = moved(entry);
		entry->due_us = now_us() + reaper->grace_us;
	} else {
		entry->due_us = phase == REAPER_WORK ? NEVER : now_us() + reaper->header_us;
	}
}

void
reaper_watch(struct reaper *reaper, struct reaper_entry *entry, int fd)
{
	pthread_mutex_lock(&reaper->lock);
	entry->fd = fd;
	entry->cut = false;
	enter(reaper, entry, REAPER_HEADER);
	LIST_INSERT_HEAD(&reaper->entries, entry, link);
	reaper->count++;
	pthread_cond_broadcast(&reaper->changed);
	pthread_mutex_unlock(&reaper->lock);
}

void
reaper_forget(struct reaper *reaper, struct reaper_entry *entry)
{
	pthread_mutex_lock(&reaper->lock);
	LIST_REMOVE(entry, link);
	reaper->count -= !entry->cut;
	pthread_cond_broadcast(&reaper->changed);
	pthread_mutex_unlock(&reaper->lock);
}

void
reaper_enter(struct reaper *reaper, struct reaper_entry *entry, enum reaper_phase phase)
{
	pthread_mutex_lock(&reaper->lock);
	enter(reaper, entry, phase);
	pthread_mutex_unlock(&reaper->lock);
}

static bool
is_busy(const struct reaper *reaper)
{
	const struct reaper_entry *entry;

	LIST_FOREACH(entry, &reaper->entries, link)
		if (entry->phase != REAPER_HEADER)
			return true;
	return false;
}

void
reaper_drain(struct reaper *reaper, unsigned wait_s)
{
	struct reaper_entry *entry;
	uint64_t end;

	pthread_mutex_lock(&reaper->lock);
	end = now_us() + wait_s * SECOND_US;
	for (uint64_t now; is_busy(reaper) && (now = now_us()) < end;)
		wait_until(reaper, now + TICK_US);
	LIST_FOREACH(entry, &reaper->entries, link)
		shutdown(entry->fd, SHUT_RDWR);
	pthread_mutex_unlock(&reaper->lock);
}
