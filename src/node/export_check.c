/* export_check: is a file what a node of ours said it was? */
#include "node/export.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/author.h"
#include "node/export_part.h"
#include "node/lines.h"

struct said {
	struct export_word word;
	struct id org;
	uint8_t hash[32];
	uint8_t seen;		/* which of the lines came */
};

char *
export_sig_path(const char *path)
{
	char *sig = mem_alloc(strlen(path) + sizeof(".sig"));

	sprintf(sig, "%s.sig", path);
	return sig;
}

static enum err_code
read_word(struct buf *out, const char *path, struct err *err)
{
	FILE *in = fopen(path, "rbe");
	char chunk[4096];
	size_t got;

	if (in == NULL)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "open %s: %s", path, strerror(errno));
	while ((got = fread(chunk, 1, sizeof(chunk), in)) > 0)
		buf_add(out, chunk, got);
	if (ferror(in))
		err_set(err, ERR_IO, "read %s: %s", path, strerror(errno));
	else if (out->full)
		err_set(err, ERR_INVALID, "%s is no word on an export: it is too long", path);
	else
		err->code = OK;
	fclose(in);
	return err->code;
}

static enum err_code
hash_file(uint8_t out[32], const char *path, struct err *err)
{
	crypto_generichash_state hash;
	FILE *in = fopen(path, "rbe");
	unsigned char chunk[65536];
	size_t got;
	bool failed;

	if (in == NULL)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "open %s: %s", path, strerror(errno));
	crypto_generichash_init(&hash, NULL, 0, 32);
	while ((got = fread(chunk, 1, sizeof(chunk), in)) > 0)
		crypto_generichash_update(&hash, chunk, got);
	failed = ferror(in);
	fclose(in);
	crypto_generichash_final(&hash, out, 32);
	return failed ? err_set(err, ERR_IO, "read %s: %s", path, strerror(errno)) : OK;
}

static bool
parse_line(struct said *said, const struct line *line)
{
	struct export_word *word = &said->word;
	char filter[EXPORT_WORD_MAX];

	if (line_is(line, "org")) {
		said->seen |= 1;
		return id_from_hex(&said->org, line->value, line->len);
	}
	if (line_is(line, "node")) {
		said->seen |= 2;
		return node_from_text(&word->node, line->value, line->len);
	}
	if (line_is(line, "person")) {
		said->seen |= 4;
		return id_from_hex(&word->person, line->value, line->len);
	}
	if (line_is(line, "number"))
		return bytes_to_u64(&word->number, line->value, line->len);
	if (line_is(line, "time")) {
		said->seen |= 8;
		return bytes_to_u64(&word->time_ms, line->value, line->len);
	}
	if (line_is(line, "type")) {
		if (line->len > NAME_MAX_LEN || schema_type(line->value, line->len) == NULL)
			return false;
		said->seen |= 16;
		memcpy(word->type, line->value, line->len);
		return true;
	}
	if (line_is(line, "filter"))
		return word->part = line_string(line, filter, sizeof(filter));
	if (line_is(line, "rows")) {
		said->seen |= 32;
		return bytes_to_u64(&word->rows, line->value, line->len);
	}
	if (line_is(line, "hash")) {
		said->seen |= 64;
		return bytes_from_hex(said->hash, 32, line->value, line->len);
	}
	return false;
}

/* The lines first, since they name the key; nothing of them counts before it fits. */
static enum err_code
judge_word(struct said *said, struct node *node, const struct buf *text, struct err *err)
{
	const size_t first = sizeof(EXPORT_FIRST) - 1;
	const char *p, *end, *sig;
	struct author signer;
	struct line line;
	bool found;
	size_t body;

	if (text->len < first || memcmp(text->p, EXPORT_FIRST, first) != 0 ||
	    (sig = strstr(text->p, "\nsig ")) == NULL)
		return err_set(err, ERR_INVALID, "this is no word on an export, or of another version");
	for (p = text->p + first, end = sig + 1; p < end;)
		if (!lines_next(&line, &p, end) || !parse_line(said, &line))
			return err_set(err, ERR_INVALID, "the word on the export has a line that cannot be read");
	if (said->seen != 127)
		return err_set(err, ERR_INVALID, "the word on the export is not complete");
	if (!id_equal(&said->org, &node->org))
		return err_set(err, ERR_INVALID, "the export is of another organisation");
	if (author_of_node(&signer, &found, node, said->word.node, err) != OK)
		return err->code;
	if (!found)
		return err_set(err, ERR_INVALID, "it was signed by a device that is not known here");
	return lines_verify(&body, text->p, text->len, EXPORT_SIGNED_AS, signer.key, err);
}

enum err_code
export_check(struct export_word *out, struct node *node, const char *path, struct err *err)
{
	struct said said = { .seen = 0 };
	char *sig = export_sig_path(path);
	uint8_t hash[32];
	struct buf text;
	enum err_code code;

	*out = (struct export_word){ 0 };
	buf_init(&text, EXPORT_WORD_MAX);
	if ((code = read_word(&text, sig, err)) == OK && (code = judge_word(&said, node, &text, err)) == OK &&
	    (code = hash_file(hash, path, err)) == OK) {
		if (memcmp(hash, said.hash, 32) != 0)
			code = err_set(err, ERR_INVALID, "%s is not the file that was exported: it was changed", path);
		else
			*out = said.word;
	}
	buf_release(&text);
	free(sig);
	return code;
}
