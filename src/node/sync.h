/*
 * sync - one session with the hub or a peer: push what is ours, then fetch what is
 * for us, in chunks of about 1 MB that are each applied and acknowledged by themselves.
 */
#ifndef NODE_SYNC_H
#define NODE_SYNC_H

#include "node/budget.h"
#include "node/node.h"

struct sync_result {
	uint64_t sent_batches, received_batches, purged_shards;
	uint64_t refused_batches, rejected_batches;	/* not accepted: waiting for a head; for good */
	uint64_t requests, bytes_out, bytes_in;		/* bodies */
	uint64_t passports;		/* of its persons, that a branch's node was given */
	uint64_t retry_after_s;		/* the other end asks to be left alone so long; 0: it does not say */
	uint64_t left;			/* batches still to come (when it was cut off) */
	uint64_t unsent;		/* with a peer: batches that one session does not take */
	uint64_t left_out;		/* of a peer's: beyond what is kept here of one writer (node/peer_bound.h) */
	uint64_t late_batches, late_left;	/* of the outbox: delivered; that the hub cannot read */
	bool wiped;			/* the hub said that this device was revoked; everything is erased */
	char refused_why[256];		/* of the first batch that was not accepted */
	struct budget_word budget;	/* what comes later, as last heard */
	bool rekeyed;			/* it was a copy, and is a device of its own now (node/rekey.h) */
};

struct sync_progress {
	const char *doing;		/* "sending", "receiving", "erasing" */
	uint64_t done, all;		/* batches; all 0: unknown */
	uint64_t bytes_out, bytes_in;
};

struct sync_options {
	const char *url;		/* of a peer (node/peer.h); NULL: the hub joined */
	const char *proxy, *ca_file;	/* NULL: environment, system */
	void (*progress)(void *context, const struct sync_progress *progress);
	void *context;
};

/* RESULT is filled in whatever happens.  ERR_NETWORK: what was applied stays
 * applied, the next run goes on from there. */
enum err_code sync_run(struct sync_result *result, struct node *node,
    const struct sync_options *options, struct err *err);

#endif
