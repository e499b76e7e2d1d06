#include "node/lines.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/value.h"
#include "crypto/key.h"

#define SIG_LEN (4 + BYTES_B64_LEN(64) + 1)	/* "sig ", 86 letters, line feed */

bool
lines_next(struct line *out, const char **p, const char *end)
{
	const char *feed, *space;

	if (*p >= end || (feed = memchr(*p, '\n', (size_t)(end - *p))) == NULL)
		return false;
	space = memchr(*p, ' ', (size_t)(feed - *p));
	out->name = *p;
	out->name_len = (size_t)((space ? space : feed) - *p);
	out->value = space ? space + 1 : feed;
	out->len = (size_t)(feed - out->value);
	*p = feed + 1;
	return true;
}

bool
line_is(const struct line *line, const char *name)
{
	return line->name_len == strlen(name) && memcmp(line->name, name, line->name_len) == 0;
}

bool
line_string(const struct line *line, char *out, size_t max)
{
	struct value value = { line->value, line->len };
	struct buf text;
	bool good;

	buf_init(&text, max - 1);
	good = value_scan(value.p, value.len) == value.len && value_get_string(&text, value) && !text.full;
	if (good)
		memcpy(out, text.p, text.len + 1);
	buf_release(&text);
	return good;
}

void
lines_add_string(struct buf *out, const char *name, const char *text)
{
	if (*text == '\0')
		return;
	buf_addf(out, "%s ", name);
	value_add_string(out, text, strlen(text));
	buf_addc(out, '\n');
}

static void
message(struct buf *out, const char *domain, const char *text, size_t len)
{
	buf_init(out, len + 64);
	buf_adds(out, domain);
	buf_add(out, text, len);
}

void
lines_sign(struct buf *out, size_t start, const char *domain, const struct key *key)
{
	char text[BYTES_B64_LEN(64) + 1];
	unsigned char signature[64];
	struct buf signed_text;

	message(&signed_text, domain, out->p + start, out->len - start);
	key_sign(signature, key, signed_text.p, signed_text.len);
	buf_release(&signed_text);
	bytes_to_b64(text, signature, sizeof(signature));
	buf_addf(out, "sig %s\n", text);
}

enum err_code
lines_verify(size_t *body, const char *text, size_t len, const char *domain,
    const unsigned char public_key[32], struct err *err)
{
	unsigned char signature[64];
	struct buf signed_text;
	bool good;

	if (len < SIG_LEN + 1 || memcmp(text + len - SIG_LEN, "sig ", 4) != 0 ||
	    text[len - SIG_LEN - 1] != '\n' || text[len - 1] != '\n' ||
	    !bytes_from_b64(signature, sizeof(signature), text + len - SIG_LEN + 4, SIG_LEN - 5))
		return err_set(err, ERR_INVALID, "it carries no signature");
	*body = len - SIG_LEN;
	message(&signed_text, domain, text, *body);
	good = key_verify(signature, public_key, signed_text.p, signed_text.len);
	buf_release(&signed_text);
	if (!good)
		return err_set(err, ERR_INVALID, "its signature is not by the key that it should be");
	return OK;
}
