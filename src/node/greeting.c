#include "node/greeting.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "node/passport.h"

#define SIGNED_AS "satchel/peer/1\n"
#define NONCE_TEXT BYTES_B64_LEN(TALLY_NONCE)

static const char first[] = "satchel-peer 1\n";

static void
hash_parts(uint8_t out[32], const char *p, size_t len)
{
	key_hash(out, "satchel/peer-parts/1\n", p, len);
}

void
greeting_encode(struct buf *out, const struct greeting *greeting, const struct key *key)
{
	const struct { const char *name; const struct text *text; } parts[] = {
		{ "passport", &greeting->passport }, { "carried", &greeting->carried },
		{ "tally", &greeting->tally }, { "holds", &greeting->holds },
	};
	char name[NODE_TEXT], text[BYTES_B64_LEN(32) + 1];
	uint8_t hash[32];
	struct buf rest;
	size_t start = out->len;

	buf_init(&rest, GREETING_MAX);
	node_to_text(name, greeting->from);
	buf_addf(out, "%sfrom %s\n", first, name);
	if (greeting->to) {
		node_to_text(name, greeting->to);
		buf_addf(out, "to %s\n", name);
	}
	bytes_to_b64(text, greeting->nonce, TALLY_NONCE);
	buf_addf(out, "nonce %s\n", text);
	if (greeting->epoch)
		buf_addf(out, "epoch %" PRIu64 "\n", greeting->epoch);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].text->len == 0)
			continue;
		buf_addf(out, "%s %zu\n", parts[i].name, parts[i].text->len);
		buf_add(&rest, parts[i].text->p, parts[i].text->len);
	}
	hash_parts(hash, rest.p, rest.len);
	bytes_to_b64(text, hash, sizeof(hash));
	buf_addf(out, "parts %s\n", text);
	lines_sign(out, start, SIGNED_AS, key);
	buf_add(out, rest.p, rest.len);
	out->full = out->full || rest.full;
	buf_release(&rest);
}

/* The end of the signed lines; NULL when there is none. */
static const char *
head_end(const char *p, const char *end)
{
	struct line line;

	while (lines_next(&line, &p, end))
		if (line_is(&line, "sig"))
			return p;
	return NULL;
}

enum err_code
greeting_from(node_t *out, const void *text, size_t len, struct err *err)
{
	const char *p = text, *end = p + len;
	struct line line;

	if (len > sizeof(first) && memcmp(p, first, sizeof(first) - 1) == 0) {
		p += sizeof(first) - 1;
		if (lines_next(&line, &p, end) && line_is(&line, "from") &&
		    node_from_text(out, line.value, line.len))
			return OK;
	}
	return err_set(err, ERR_INVALID, "this is no answer of a satchel node, or of one of another version");
}

static bool
parse_line(struct greeting *out, const char **rest, const char *end, uint8_t parts[32], const struct line *line)
{
	struct { const char *name; struct text *text; size_t max; } all[] = {
		{ "passport", &out->passport, PASSPORT_MAX }, { "carried", &out->carried, PASSPORT_MAX },
		{ "tally", &out->tally, TALLY_BYTES_MAX }, { "holds", &out->holds, TALLY_BYTES_MAX },
	};
	uint64_t len;

	if (line_is(line, "from"))
		return node_from_text(&out->from, line->value, line->len);
	if (line_is(line, "to"))
		return node_from_text(&out->to, line->value, line->len);
	if (line_is(line, "nonce"))
		return line->len == NONCE_TEXT && bytes_from_b64(out->nonce, TALLY_NONCE, line->value, line->len);
	if (line_is(line, "epoch"))
		return bytes_to_u64(&out->epoch, line->value, line->len) && out->epoch < INT64_MAX / 2;
	if (line_is(line, "parts"))
		return bytes_from_b64(parts, 32, line->value, line->len);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!line_is(line, all[i].name))
			continue;
		if (all[i].text->p || !bytes_to_u64(&len, line->value, line->len) || len == 0 ||
		    len > all[i].max || len > (size_t)(end - *rest))
			return false;
		*all[i].text = (struct text){ *rest, (size_t)len };
		*rest += len;
		return true;
	}
	return false;
}

enum err_code
greeting_decode(struct greeting *out, const void *text, size_t len, const uint8_t public_key[32], struct err *err)
{
	const char *p = text, *end = p + len, *head, *rest;
	uint8_t parts[32] = { 0 }, hash[32];
	struct line line;
	size_t body;

	*out = (struct greeting){ .from = 0 };
	if ((head = head_end(p, end)) == NULL || len < sizeof(first) ||
	    memcmp(p, first, sizeof(first) - 1) != 0)
		return err_set(err, ERR_INVALID, "the greeting of a peer: of another version");
	if (lines_verify(&body, p, (size_t)(head - p), SIGNED_AS, public_key, err) != OK)
		return err_wrap(err, "the greeting of a peer");
	rest = head;
	for (p += sizeof(first) - 1; p < (const char *)text + body;)
		if (!lines_next(&line, &p, (const char *)text + body) ||
		    !parse_line(out, &rest, end, parts, &line))
			return err_set(err, ERR_INVALID, "the greeting of a peer: a line that this version "
			    "cannot read");
	hash_parts(hash, head, (size_t)(end - head));
	if (rest != end || memcmp(hash, parts, 32) != 0 || out->from == 0 || out->passport.len == 0)
		return err_set(err, ERR_INVALID, "the greeting of a peer: its parts are not as it says");
	return OK;
}

uint64_t
greeting_holds(const uint8_t nonce[TALLY_NONCE], const char *name)
{
	uint8_t secret[32] = { 0 }, hash[32];
	struct buf message;
	uint64_t digest;

	memcpy(secret, nonce, TALLY_NONCE);
	buf_init(&message, 256);
	buf_addf(&message, "satchel/holds/1\n%s\n", name);
	key_mac(hash, secret, message.p, message.len);
	digest = bytes_get_be64(hash);
	buf_release(&message);
	return digest;
}
