/*
 * smart - git's smart HTTP protocol v0, server side, as text in and text out.
 *
 * Pure over its arguments: the node looks the feed up, decides, and streams.
 * What a server owes to git and libgit2 clients: multi_ack_detailed, no-done,
 * side-band-64k, one status line per ref.  ofs-delta and delete-refs are not
 * offered: packs here have no deltas and branches are never deleted.
 */
#ifndef REPO_SMART_H
#define REPO_SMART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

enum smart_service { SMART_UPLOAD_PACK, SMART_RECEIVE_PACK };

/* "git-upload-pack" or "git-receive-pack"; false for another. */
bool smart_service_from_text(enum smart_service *out, const char *text);
const char *smart_service_to_text(enum smart_service service);
const char *smart_advertisement_type(enum smart_service service);
const char *smart_request_type(enum smart_service service);
const char *smart_result_type(enum smart_service service);

/* The reply to GET info/refs with one branch REF ("refs/heads/down") at TIP,
 * or none when TIP is NULL.  HEAD is a symref to it for upload-pack. */
void smart_advertise(struct buf *out, enum smart_service service, const char *ref,
    const uint8_t tip[20]);

/* A POST to git-upload-pack.  Which want may be answered and which haves exist
 * is for the caller to look up in the one chain that the asker may see. */
struct smart_fetch {
	uint8_t want[20];		/* all wants must be this one */
	uint8_t (*haves)[20];		/* owned: smart_fetch_release; newest first */
	size_t have_count;
	bool done, side_band, multi_ack, no_done;
};
enum err_code smart_fetch_parse(struct smart_fetch *out, const void *body, size_t len, struct err *err);
void smart_fetch_release(struct smart_fetch *fetch);	/* zeroed is fine */
/* The lines before the pack.  COMMON is the newest have that the feed
 * contains, NULL when none.  Returns true when the pack follows at once (it is
 * what lies between COMMON and the want), false when this is the whole answer
 * and the client will come again. */
bool smart_fetch_answer(struct buf *out, const struct smart_fetch *fetch, const uint8_t common[20]);
/* One side-band packet (band 1) around at most 65,515 bytes, or raw bytes
 * where the client has no side band; and what ends the answer. */
void smart_band(struct buf *out, bool side_band, const void *p, size_t len);
void smart_band_end(struct buf *out, bool side_band);
/* "ERR upload-pack: not our ref ID": the whole answer to a want outside the chain. */
void smart_not_our_ref(struct buf *out, const uint8_t oid[20]);

/* A POST to git-receive-pack that creates or moves one branch.  Several
 * commands, a deletion, push options, certificates and shallow lines are
 * ERR_INVALID. */
struct smart_push {
	uint8_t old_tip[20], new_tip[20];	/* zero: none */
	char ref[64];
	bool report_status, side_band;
	const void *pack;			/* into the body; NULL when there is none, or a probe */
	size_t pack_len;
	bool probe;				/* the 4-byte body "0000" that git sends to test authentication */
};
enum err_code smart_push_parse(struct smart_push *out, const void *body, size_t len, struct err *err);
/* The report: UNPACK and REF_WHY are NULL for ok, else reasons in a few words.
 * REF_WHY is SMART_STALE when old_tip is not the tip (any more): the other side
 * tells by it that it lost a race from that it was refused. */
void smart_push_report(struct buf *out, const struct smart_push *push, const char *unpack,
    const char *ref_why);
#define SMART_STALE "stale: the branch has moved"

/* The client's side of that report: the words after "unpack" when they are not
 * ok.  False when all went well or BODY is no report with side band. */
bool smart_report_unpack(char *out, size_t out_size, const void *body, size_t len);

#endif
