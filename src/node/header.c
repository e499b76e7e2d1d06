#include "node/header.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/schema.h"
#include "core/value.h"

#define SIGNED_AS "satchel/feed/1\n"

void
header_release(struct header *header)
{
	free(header->purges);
	free(header->refusals);
	free(header->witnesses);
	header->witnesses = NULL;
	free(header->exports);
	header->purges = NULL;
	header->refusals = NULL;
	header->exports = NULL;
}

static void
add_oid(struct buf *out, const char *name, const uint8_t oid[20])
{
	char hex[41];

	bytes_to_hex(hex, oid, 20);
	buf_addf(out, "%s %s\n", name, hex);
}

static void
add_export(struct buf *out, const struct header_export *export)
{
	char hash[65];

	bytes_to_hex(hash, export->hash, 32);
	buf_addf(out, "export %" PRIu64 " %" PRIu64 " %s %s %" PRIu64 " %s\n", export->number, export->at_ms,
	    export->type, export->part ? "part" : "all", export->rows, hash);
}

void
header_encode(struct buf *out, const struct header *header, const struct key *key)
{
	size_t start = out->len;
	char node[NODE_TEXT];

	node_to_text(node, header->node);
	buf_addf(out, "satchel-feed 1 %s\nnode %s\nepoch %" PRIu64 "\nn %" PRIu64 "\ntime %" PRIu64 "\n",
	    header->up ? "up" : "down", node, header->epoch, header->n, header->time_ms);
	if (header->incarnation)
		buf_addf(out, "incarnation %" PRIu64 "\n", header->incarnation);
	if (header->has_prev)
		add_oid(out, "prev", header->prev);
	if (header->has_ack)
		add_oid(out, "ack", header->ack);
	if (header->more)
		buf_addf(out, "more %" PRIu64 "\n", header->more);
	if (!header->up && header->waiting)
		buf_addf(out, "waiting %" PRIu64 " %" PRIu64 "\n", header->waiting, header->waiting_ms);
	if (!header->up && header->paused_ms)
		buf_addf(out, "paused %" PRIu64 "\n", header->paused_ms);
	for (size_t i = 0; i < header->purge_count; i++) {
		const struct header_purge *purge = &header->purges[i];

		buf_addf(out, "%s %s %" PRIu64, header->up ? "purged" : "purge", purge->shard,
		    purge->ordered_ms);
		if (header->up)
			buf_addf(out, " %" PRIu64, purge->batches);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < header->refusal_count; i++) {
		const struct header_refusal *refusal = &header->refusals[i];

		node_to_text(node, refusal->writer);
		buf_addf(out, "%s %s %s %" PRIu64, refusal->reason[0] == '\0' ? "adopted" :
		    refusal->rejected ? "rejected" : "refused", refusal->shard, node, refusal->seq);
		if (refusal->reason[0]) {
			buf_addc(out, ' ');
			value_add_string(out, refusal->reason, strlen(refusal->reason));
		}
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < header->witness_count; i++) {
		char hash[BYTES_B64_LEN(32) + 1];

		bytes_to_b64(hash, header->witnesses[i], 32);
		buf_addf(out, "witness %s\n", hash);
	}
	for (size_t i = 0; i < header->export_count; i++)
		add_export(out, &header->exports[i]);
	lines_sign(out, start, SIGNED_AS, key);
}

/* The next word of a line's value; none when a space follows that ends the line. */
static bool
word(const char **p, size_t *len, const char **from, const char *end)
{
	const char *space;

	if (*from >= end)
		return false;
	space = memchr(*from, ' ', (size_t)(end - *from));
	*p = *from;
	*len = (size_t)((space ? space : end) - *from);
	*from = space ? space + 1 : end;
	return *len != 0 && !(space && *from == end);
}

static bool
parse_shard(char out[SHARD_TEXT], const char *p, size_t len)
{
	struct shard shard;

	if (!(len == 1 && *p == '*') && !shard_from_text(&shard, p, len))
		return false;
	memcpy(out, p, len);
	out[len] = '\0';
	return true;
}

static bool
parse_purge(struct header *header, const struct line *line)
{
	const char *from = line->value, *end = line->value + line->len, *p;
	struct header_purge *purge;
	size_t len;

	header->purges = mem_grow(header->purges, header->purge_count, &header->purge_cap,
	    sizeof(*header->purges));
	purge = &header->purges[header->purge_count++];
	*purge = (struct header_purge){ .batches = 0 };
	return header->purge_count <= HEADER_LINES_MAX && word(&p, &len, &from, end) && len < SHARD_TEXT &&
	    parse_shard(purge->shard, p, len) && word(&p, &len, &from, end) && bytes_to_u64(&purge->ordered_ms, p, len) &&
	    (!header->up || (word(&p, &len, &from, end) && bytes_to_u64(&purge->batches, p, len))) &&
	    from == end;
}

static bool
parse_refusal(struct header *header, const struct line *line, bool adopted, bool rejected)
{
	const char *from = line->value, *end = line->value + line->len, *p;
	struct header_refusal *refusal;
	struct line reason = { 0 };
	size_t len;

	header->refusals = mem_grow(header->refusals, header->refusal_count, &header->refusal_cap,
	    sizeof(*header->refusals));
	refusal = &header->refusals[header->refusal_count++];
	*refusal = (struct header_refusal){ .rejected = rejected };
	if (header->refusal_count > HEADER_LINES_MAX || !word(&p, &len, &from, end) || len >= SHARD_TEXT ||
	    !parse_shard(refusal->shard, p, len) ||
	    !word(&p, &len, &from, end) || !node_from_text(&refusal->writer, p, len) ||
	    !word(&p, &len, &from, end) || !bytes_to_u64(&refusal->seq, p, len))
		return false;
	if (adopted)
		return from == end;
	reason.value = from;
	reason.len = (size_t)(end - from);
	return line_string(&reason, refusal->reason, sizeof(refusal->reason)) && refusal->reason[0];
}

static bool
parse_witness(struct header *header, const struct line *line)
{
	header->witnesses = mem_grow(header->witnesses, header->witness_count, &header->witness_cap,
	    sizeof(*header->witnesses));
	return header->witness_count < HEADER_LINES_MAX &&
	    bytes_from_b64(header->witnesses[header->witness_count++], 32, line->value, line->len);
}

static bool
parse_export(struct header *header, const struct line *line)
{
	const char *from = line->value, *end = line->value + line->len, *p;
	struct header_export *export;
	size_t len;

	header->exports = mem_grow(header->exports, header->export_count, &header->export_cap,
	    sizeof(*header->exports));
	export = &header->exports[header->export_count++];
	*export = (struct header_export){ .number = 0 };
	if (header->export_count > HEADER_LINES_MAX ||
	    !word(&p, &len, &from, end) || !bytes_to_u64(&export->number, p, len) ||
	    !word(&p, &len, &from, end) || !bytes_to_u64(&export->at_ms, p, len) ||
	    !word(&p, &len, &from, end) || len > NAME_MAX_LEN || schema_type(p, len) == NULL)
		return false;
	memcpy(export->type, p, len);
	if (!word(&p, &len, &from, end))
		return false;
	export->part = len == 4 && memcmp(p, "part", 4) == 0;
	return (export->part || (len == 3 && memcmp(p, "all", 3) == 0)) &&
	    word(&p, &len, &from, end) && bytes_to_u64(&export->rows, p, len) &&
	    word(&p, &len, &from, end) && bytes_from_hex(export->hash, 32, p, len) && from == end;
}

static bool
parse_waiting(struct header *header, const struct line *line)
{
	const char *from = line->value, *end = line->value + line->len, *p;
	size_t len;

	return word(&p, &len, &from, end) && bytes_to_u64(&header->waiting, p, len) &&
	    word(&p, &len, &from, end) && bytes_to_u64(&header->waiting_ms, p, len) && from == end;
}

static bool
parse_line(struct header *header, const struct line *line)
{
	if (line_is(line, "node"))
		return node_from_text(&header->node, line->value, line->len);
	if (line_is(line, "epoch"))
		return bytes_to_u64(&header->epoch, line->value, line->len);
	if (line_is(line, "n"))
		return bytes_to_u64(&header->n, line->value, line->len);
	if (line_is(line, "time"))
		return bytes_to_u64(&header->time_ms, line->value, line->len);
	if (line_is(line, "more"))
		return bytes_to_u64(&header->more, line->value, line->len);
	if (line_is(line, "waiting") && !header->up)
		return parse_waiting(header, line);
	if (line_is(line, "paused") && !header->up)
		return bytes_to_u64(&header->paused_ms, line->value, line->len);
	if (line_is(line, "incarnation"))
		return bytes_to_u64(&header->incarnation, line->value, line->len) &&
		    header->incarnation <= INT64_MAX;
	if (line_is(line, "prev"))
		return header->has_prev = bytes_from_hex(header->prev, 20, line->value, line->len);
	if (line_is(line, "ack"))
		return header->has_ack = bytes_from_hex(header->ack, 20, line->value, line->len);
	if (line_is(line, header->up ? "purged" : "purge"))
		return parse_purge(header, line);
	if (line_is(line, "export") && header->up)
		return parse_export(header, line);
	if (line_is(line, "refused") && !header->up)
		return parse_refusal(header, line, false, false);
	if (line_is(line, "rejected") && !header->up)
		return parse_refusal(header, line, false, true);
	if (line_is(line, "adopted") && !header->up)
		return parse_refusal(header, line, true, false);
	if (line_is(line, "witness") && header->up)
		return parse_witness(header, line);
	return false;
}

enum err_code
header_decode(struct header *out, const char *text, size_t len, const uint8_t public_key[32],
    struct err *err)
{
	static const char up[] = "satchel-feed 1 up\n", down[] = "satchel-feed 1 down\n";
	struct line line;
	const char *p, *end;
	size_t body;

	*out = (struct header){ .n = 0 };
	if (len > HEADER_MAX)
		return err_set(err, ERR_INVALID, "feed header: longer than any can be");
	if (lines_verify(&body, text, len, SIGNED_AS, public_key, err) != OK)
		return err_wrap(err, "feed header");
	if (body >= sizeof(up) - 1 && memcmp(text, up, sizeof(up) - 1) == 0)
		out->up = true;
	else if (body < sizeof(down) - 1 || memcmp(text, down, sizeof(down) - 1) != 0)
		return err_set(err, ERR_INVALID, "feed header: of another version; upgrade satchel");
	p = text + (out->up ? sizeof(up) : sizeof(down)) - 1;
	for (end = text + body; p < end;)
		if (!lines_next(&line, &p, end) || !parse_line(out, &line)) {
			header_release(out);
			return err_set(err, ERR_INVALID, "feed header: a line that this version cannot read");
		}
	return OK;
}
