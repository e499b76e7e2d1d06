#include "cli/session.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "crypto/key.h"
#include "node/lan.h"
#include "node/sync.h"
#include "text/input.h"

#define LINE_MAX_BYTES 4096
#define WAITS_MAX 3
#define WAIT_MAX_S 60		/* a person stands before it */

static void
show_progress(void *context, const struct sync_progress *progress)
{
	unsigned long long kib = (progress->bytes_out + progress->bytes_in) / 1024;

	(void)context;
	if (progress->all)
		progress_show("%s: %llu of %llu, %llu KiB", progress->doing,
		    (unsigned long long)progress->done, (unsigned long long)progress->all, kib);
	else
		progress_show("%s: %llu, %llu KiB", progress->doing,
		    (unsigned long long)progress->done, kib);
}

static json_t *
result_json(const struct sync_result *result)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:I, s:b, s:b}",
	    "sent_batches", (json_int_t)result->sent_batches,
	    "late_batches", (json_int_t)result->late_batches, "received_batches", (json_int_t)result->received_batches,
	    "purged_shards", (json_int_t)result->purged_shards,
	    "refused_batches", (json_int_t)result->refused_batches,
	    "rejected_batches", (json_int_t)result->rejected_batches,
	    "requests", (json_int_t)result->requests, "bytes_out", (json_int_t)result->bytes_out,
	    "bytes_in", (json_int_t)result->bytes_in, "left", (json_int_t)result->left,
	    "unsent", (json_int_t)result->unsent, "left_out", (json_int_t)result->left_out,
	    "wiped", (int)result->wiped, "refused_why", result->refused_why,
	    "backfill", (json_int_t)result->budget.waiting, "paused", result->budget.paused_ms != 0,
	    "rekeyed", (int)result->rekeyed);
}

static void
print_json(json_t *json)
{
	out_json(json);
	json_decref(json);
}

static void
add_backfill(struct buf *line, const struct budget_word *word)
{
	struct buf rfc3339;

	buf_init(&rfc3339, 64);
	input_show_instant(&rfc3339, word->from_ms);
	out_count(line, (unsigned long long)word->waiting, "client more comes", "clients more come");
	buf_adds(line, " from ");
	out_time(line, rfc3339.p);
	buf_adds(line, " on");
	buf_release(&rfc3339);
}

static void
print(const struct sync_result *result)
{
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	buf_adds(&line, "Sent ");
	out_count(&line, result->sent_batches, "change", "changes");
	buf_addf(&line, ", received %llu", (unsigned long long)result->received_batches);
	if (result->purged_shards) {
		buf_adds(&line, "; ");
		out_count(&line, result->purged_shards, "block of a client was", "blocks of clients were");
		buf_adds(&line, " taken back by the head of sales and erased here");
	}
	if (result->late_batches) {
		buf_adds(&line, "; ");
		out_count(&line, result->late_batches, "change", "changes");
		buf_adds(&line, " on what was erased here delivered");
	}
	if (result->refused_batches) {
		buf_adds(&line, "; ");
		out_count(&line, result->refused_batches, "change was", "changes were");
		buf_addf(&line, " not accepted (%s) and kept for the head of sales to see", result->refused_why);
	}
	if (result->rejected_batches) {
		buf_adds(&line, "; ");
		out_count(&line, result->rejected_batches, "change was", "changes were");
		buf_addf(&line, " rejected (%s)", result->refused_why);
	}
	if (result->budget.waiting) {
		buf_adds(&line, "; ");
		add_backfill(&line, &result->budget);
	}
	if (result->budget.paused_ms)
		buf_adds(&line, "; paused: this device was given most of its clients again twice within a week, so a "
		    "head of sales has to let it go on (satchel nodes resume)");
	if (result->rekeyed)
		buf_adds(&line, "; this home was copied, and another copy goes on under its name: here it is a "
		    "device of its own from now on");
	if (result->left_out) {
		buf_adds(&line, "; ");
		out_count(&line, result->left_out, "change was", "changes were");
		buf_adds(&line, " left out, since so much by the same device waits here for the hub: sync with the hub first");
	}
	if (result->unsent)
		buf_addf(&line, "; %llu still to go: sync again", (unsigned long long)result->unsent);
	if (result->left)
		buf_addf(&line, "; %llu still to come: sync again", (unsigned long long)result->left);
	buf_addc(&line, '.');
	out_line(stdout, line.p);
	buf_release(&line);
}

/* What went before the hub asked us to wait counts too. */
static void
add_earlier(struct sync_result *result, const struct sync_result *earlier)
{
	result->sent_batches += earlier->sent_batches;
	result->received_batches += earlier->received_batches;
	result->purged_shards += earlier->purged_shards;
	result->refused_batches += earlier->refused_batches;
	result->rejected_batches += earlier->rejected_batches;
	result->requests += earlier->requests;
	result->bytes_out += earlier->bytes_out;
	result->bytes_in += earlier->bytes_in;
	result->passports += earlier->passports;
	result->rekeyed = result->rekeyed || earlier->rekeyed;
	if (earlier->refused_why[0])
		snprintf(result->refused_why, sizeof(result->refused_why), "%s", earlier->refused_why);
}

/* Once to twice as long as the hub says: those whom it sent away at one time do
 * not come back at one time. */
static void
wait_as_told(uint64_t retry_after_s)
{
	uint64_t ms = retry_after_s * 1000;
	uint32_t random;

	key_random(&random, sizeof(random));
	ms += random % (ms + 1);
	progress_end();
	out_say(stderr, "The hub has too much to do just now: trying again in %llu s. Nothing is lost.",
	    (unsigned long long)((ms + 999) / 1000));
	nanosleep(&(struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

enum err_code
session_run(const struct cli *cli, struct node *node, const char *url, struct err *err)
{
	struct sync_options options = { .url = url, .progress = show_progress };
	struct sync_result result = { 0 }, earlier;
	enum err_code code = sync_run(&result, node, &options, err);

	for (int i = 0; i < WAITS_MAX && code == ERR_NETWORK && !result.wiped && result.retry_after_s &&
	    result.retry_after_s <= WAIT_MAX_S; i++) {
		wait_as_told(result.retry_after_s);
		earlier = result;
		code = sync_run(&result, node, &options, err);
		add_earlier(&result, &earlier);
	}
	progress_end();
	if (cli->json)
		print_json(result_json(&result));
	else if (!result.wiped && (code == OK || result.sent_batches || result.received_batches ||
	    result.late_batches))
		print(&result);
	if (code == OK && result.wiped)
		return err_set(err, ERR_DENIED, "this device was revoked: everything that it held is erased, "
		    "and the hub was told so (satchel status says who did it)");
	if (result.wiped)
		err_wrap(err, "this device was revoked: everything that it held is erased; the hub was not told "
		    "yet, so sync again");
	return code;
}

static json_t *
place_json(const struct lan_place *place, const struct sync_result *result, const struct err *err)
{
	json_t *json = result_json(result);
	char name[NODE_TEXT];

	node_to_text(name, place->node);
	json_object_set_new(json, "node", json_string(name));
	json_object_set_new(json, "device", json_string(place->device));
	json_object_set_new(json, "url", json_string(place->url));
	json_object_set_new(json, "error", json_string(err->msg));
	return json;
}

static void
print_place(const struct lan_place *place, const struct sync_result *result, const struct err *err)
{
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	buf_addf(&line, "%s (%s):", *place->device ? place->device : "A device", place->url);
	if (err->code != OK)
		buf_addf(&line, " %s", err->msg);
	out_line(stdout, line.p);
	buf_release(&line);
	if (err->code == OK)
		print(result);
}

enum err_code
session_run_lan(const struct cli *cli, struct node *node, struct err *err)
{
	struct lan_place places[LAN_MAX];
	struct sync_result result;
	json_t *all = json_array();
	struct err first = { .code = OK }, here;
	size_t count = 0;
	enum err_code code = lan_find(places, &count, node, err);

	for (size_t i = 0; i < count && !node->wiped; i++) {
		here = (struct err){ .code = OK };
		/* The proxy is for what is not on this network. */
		here.code = sync_run(&result, node, &(struct sync_options){ .url = places[i].url, .proxy = "",
		    .progress = show_progress }, &here);
		progress_end();
		if (here.code != OK && first.code == OK)
			first = here;
		if (cli->json)
			json_array_append_new(all, place_json(&places[i], &result, &here));
		else
			print_place(&places[i], &result, &here);
	}
	if (cli->json && code == OK)
		out_json(all);
	json_decref(all);
	if (code != OK)
		return code;
	if (count == 0)
		return err_set(err, ERR_NETWORK, "no other device of your organisation is found on this network: it has to "
		    "run satchel serve there, and to be known here (satchel sync)");
	return first.code == OK ? OK : err_set(err, first.code, "%s", first.msg);
}
