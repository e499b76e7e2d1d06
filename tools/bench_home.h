/*
 * bench_home - homes for the bench: a hub, its server process, nodes that
 * joined it.  Whatever fails ends the bench with the reason.
 */
#ifndef TOOLS_BENCH_HOME_H
#define TOOLS_BENCH_HOME_H

#include <sys/types.h>

#include "core/id.h"
#include "node/node.h"
#include "node/sync.h"

/* Where this run keeps its files; made by bench_scratch, removed at exit. */
const char *bench_scratch(void);
/* A path in it; valid until sixteen more were asked for. */
const char *bench_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Likewise on a RAM disk, where there is one. */
const char *bench_ram_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* CODE is not OK: say where and end. */
void bench_must(enum err_code code, const struct err *err, const char *doing);
double bench_now(void);		/* seconds, never falls */

/* tools/make-clients into a file of the scratch directory. */
const char *bench_clients_csv(unsigned long count);

struct node *bench_hub(const char *home);
/* Seconds that the import of CSV took. */
double bench_import(struct node *node, const char *csv, unsigned long rows);
/* Bytes of the database file once all is in it and the log is empty. */
double bench_database_bytes(struct node *node);

struct bench_server {
	pid_t pid;
	char url[64];
};
void bench_serve(struct bench_server *out, const char *satchel, const char *home);
/* At LISTEN, "127.0.0.1:PORT". */
void bench_serve_at(struct bench_server *out, const char *satchel, const char *home, const char *listen);
void bench_serve_end(struct bench_server *server);

struct id bench_person(struct node *hub, const char *name, const char *role);
/* COUNT of them in one action. */
void bench_persons(struct id *out, size_t count, struct node *hub, const char *role);
/* PERSON's new device; it has not synced yet. */
struct node *bench_join(struct node *hub, const struct bench_server *server, const struct id *person,
    const char *home);
/* Seconds that the session took. */
double bench_sync(struct sync_result *result, struct node *node);

/* The first COUNT clients here; freed by the caller. */
struct id *bench_client_ids(struct node *node, size_t count);
void bench_give(struct node *hub, const struct id *clients, size_t count, const struct id *owner);
/* The first EACH of CLIENTS to the first of OWNERS, and so on: an action each. */
void bench_give_each(struct node *hub, const struct id *clients, size_t each, const struct id *owners, size_t count);
/* One action: one field of one client. */
void bench_edit(struct node *node, const struct id *client, const char *text);

#endif
