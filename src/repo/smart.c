#include "repo/smart.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "repo/pkt.h"

enum { HEX = 40, BAND_MAX = PKT_MAX - 5, HAVES_MAX = 65536 };

static const struct {
	const char *name, *advertisement, *request, *result, *caps;
} services[] = {
	[SMART_UPLOAD_PACK] = {
		"git-upload-pack",
		"application/x-git-upload-pack-advertisement",
		"application/x-git-upload-pack-request",
		"application/x-git-upload-pack-result",
		"multi_ack_detailed no-done side-band-64k object-format=sha1 agent=satchel",
	},
	[SMART_RECEIVE_PACK] = {
		"git-receive-pack",
		"application/x-git-receive-pack-advertisement",
		"application/x-git-receive-pack-request",
		"application/x-git-receive-pack-result",
		"report-status side-band-64k no-thin object-format=sha1 agent=satchel",
	},
};

bool
smart_service_from_text(enum smart_service *out, const char *text)
{
	for (int i = SMART_UPLOAD_PACK; i <= SMART_RECEIVE_PACK; i++)
		if (strcmp(text, services[i].name) == 0) {
			*out = (enum smart_service)i;
			return true;
		}
	return false;
}

const char *
smart_service_to_text(enum smart_service service)
{
	return services[service].name;
}

const char *
smart_advertisement_type(enum smart_service service)
{
	return services[service].advertisement;
}

const char *
smart_request_type(enum smart_service service)
{
	return services[service].request;
}

const char *
smart_result_type(enum smart_service service)
{
	return services[service].result;
}

/* A pkt-line may hold a NUL, which a format cannot. */
static void
add_first_ref(struct buf *out, const char *hex, const char *name, const char *caps, const char *symref)
{
	char line[512];
	size_t len;

	len = (size_t)snprintf(line, sizeof(line), "%s %s", hex, name) + 1;
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s%s\n", caps,
	    symref ? " symref=HEAD:" : "", symref ? symref : "");
	pkt_add(out, line, len);
}

void
smart_advertise(struct buf *out, enum smart_service service, const char *ref, const uint8_t tip[20])
{
	static const uint8_t zero[20];
	const char *caps = services[service].caps;
	char hex[HEX + 1];

	bytes_to_hex(hex, tip ? tip : zero, 20);
	pkt_addf(out, "# service=%s\n", services[service].name);
	pkt_flush(out);
	if (tip == NULL) {
		add_first_ref(out, hex, "capabilities^{}", caps, NULL);
	} else if (service == SMART_UPLOAD_PACK) {
		add_first_ref(out, hex, "HEAD", caps, ref);
		pkt_addf(out, "%s %s\n", hex, ref);
	} else {
		add_first_ref(out, hex, ref, caps, NULL);
	}
	pkt_flush(out);
}

/* NAME among the words of the LEN bytes at CAPS. */
static bool
has_cap(const char *caps, size_t len, const char *name)
{
	const char *end = caps + len, *word;
	size_t name_len = strlen(name);

	while (caps < end) {
		word = caps;
		while (caps < end && *caps != ' ')
			caps++;
		if ((size_t)(caps - word) == name_len && memcmp(word, name, name_len) == 0)
			return true;
		if (caps < end)
			caps++;
	}
	return false;
}

static bool
line_oid(uint8_t out[20], const struct pkt_reader *reader, const char *verb)
{
	size_t skip = strlen(verb);

	return pkt_begins(reader, verb) && reader->len >= skip + HEX &&
	    bytes_from_hex(out, 20, reader->line + skip, HEX);
}

/* The want lines up to their flush. */
static enum err_code
read_wants(struct smart_fetch *out, struct pkt_reader *reader, struct err *err)
{
	static const size_t bare = 5 + HEX;
	enum pkt_kind kind;
	uint8_t want[20];
	bool first = true;

	for (; (kind = pkt_next(reader)) == PKT_DATA; first = false) {
		const char *caps;
		size_t len;

		if (!line_oid(want, reader, "want ") || (reader->len > bare && !first) ||
		    (reader->len > bare && reader->line[bare] != ' '))
			return err_set(err, ERR_INVALID,
			    "fetch: only wants are understood before the flush, without depth or filter");
		caps = reader->line + bare;
		len = reader->len - bare;
		if (!first && memcmp(want, out->want, sizeof(want)) != 0)
			return err_set(err, ERR_INVALID, "fetch: wants of several commits");
		memcpy(out->want, want, sizeof(want));
		if (!first)
			continue;
		out->side_band = has_cap(caps, len, "side-band-64k");
		out->multi_ack = has_cap(caps, len, "multi_ack_detailed");
		out->no_done = has_cap(caps, len, "no-done");
	}
	if (kind != PKT_FLUSH || first)
		return err_set(err, ERR_INVALID, first ? "fetch: no wants" : "fetch: the wants are cut off");
	return OK;
}

/* The have lines up to "done" or the flush that ends a round. */
static enum err_code
read_haves(struct smart_fetch *out, struct pkt_reader *reader, struct err *err)
{
	enum pkt_kind kind;
	size_t cap = 0;

	while ((kind = pkt_next(reader)) == PKT_DATA) {
		if (pkt_is(reader, "done")) {
			out->done = true;
			break;
		}
		if (out->have_count == HAVES_MAX)
			return err_set(err, ERR_INVALID, "fetch: more than %d haves", HAVES_MAX);
		out->haves = mem_grow(out->haves, out->have_count, &cap, sizeof(*out->haves));
		if (reader->len != 5 + HEX || !line_oid(out->haves[out->have_count], reader, "have "))
			return err_set(err, ERR_INVALID, "fetch: only haves and done are understood after the wants");
		out->have_count++;
	}
	if (!out->done && kind != PKT_FLUSH)
		return err_set(err, ERR_INVALID, "fetch: the request is cut off");
	if (reader->p != reader->end)
		return err_set(err, ERR_INVALID, "fetch: bytes after the end of the request");
	return OK;
}

enum err_code
smart_fetch_parse(struct smart_fetch *out, const void *body, size_t len, struct err *err)
{
	struct pkt_reader reader = { .p = body, .end = (const char *)body + len };
	enum err_code code;

	*out = (struct smart_fetch){ .done = false };
	if ((code = read_wants(out, &reader, err)) == OK)
		code = read_haves(out, &reader, err);
	if (code != OK)
		smart_fetch_release(out);
	return code;
}

void
smart_fetch_release(struct smart_fetch *fetch)
{
	free(fetch->haves);
	fetch->haves = NULL;
	fetch->have_count = 0;
}

bool
smart_fetch_answer(struct buf *out, const struct smart_fetch *fetch, const uint8_t common[20])
{
	char hex[HEX + 1] = "";

	if (common != NULL)
		bytes_to_hex(hex, common, 20);
	/* One common commit is all there is to find in a chain: ready at once. */
	if (common != NULL && fetch->multi_ack) {
		pkt_addf(out, "ACK %s common\n", hex);
		if (!fetch->done) {
			pkt_addf(out, "ACK %s ready\n", hex);
			pkt_addf(out, "NAK\n");
			if (!fetch->no_done)
				return false;
		}
	}
	if (common != NULL)
		pkt_addf(out, "ACK %s\n", hex);
	else
		pkt_addf(out, "NAK\n");
	return fetch->done || (common != NULL && fetch->multi_ack);
}

void
smart_band(struct buf *out, bool side_band, const void *p, size_t len)
{
	const char *from = p;

	if (!side_band) {
		buf_add(out, p, len);
		return;
	}
	while (len > 0) {
		size_t part = len < BAND_MAX ? len : BAND_MAX;

		buf_addf(out, "%04x\001", (unsigned)(part + 5));
		buf_add(out, from, part);
		from += part;
		len -= part;
	}
}

void
smart_band_end(struct buf *out, bool side_band)
{
	if (side_band)
		pkt_flush(out);
}

void
smart_not_our_ref(struct buf *out, const uint8_t oid[20])
{
	char hex[HEX + 1];

	bytes_to_hex(hex, oid, 20);
	pkt_addf(out, "ERR upload-pack: not our ref %s", hex);
}

/* A branch that git would take too, in the letters that this program uses. */
static bool
is_branch(const char *ref, size_t len)
{
	static const char prefix[] = "refs/heads/";
	size_t skip = sizeof(prefix) - 1;

	if (len <= skip || memcmp(ref, prefix, skip) != 0)
		return false;
	for (size_t i = skip; i < len; i++)
		if (!islower((unsigned char)ref[i]) && !isdigit((unsigned char)ref[i]) && ref[i] != '-')
			return false;
	return true;
}

static bool
is_zero(const uint8_t oid[20])
{
	static const uint8_t zero[20];

	return memcmp(oid, zero, 20) == 0;
}

/* "OLD NEW REF\0CAPS" */
static enum err_code
read_command(struct smart_push *out, const struct pkt_reader *reader, struct err *err)
{
	static const size_t bare = 2 * (HEX + 1);
	const char *line = reader->line, *ref, *nul;
	size_t len, caps_len = 0;

	if (reader->len <= bare || line[HEX] != ' ' || line[bare - 1] != ' ' ||
	    !bytes_from_hex(out->old_tip, 20, line, HEX) ||
	    !bytes_from_hex(out->new_tip, 20, line + HEX + 1, HEX))
		return err_set(err, ERR_INVALID, "push: not a command");
	ref = line + bare;
	nul = memchr(ref, '\0', reader->len - bare);
	len = nul ? (size_t)(nul - ref) : reader->len - bare;
	if (len >= sizeof(out->ref) || !is_branch(ref, len))
		return err_set(err, ERR_INVALID, "push: a branch name that is not taken");
	if (is_zero(out->new_tip))
		return err_set(err, ERR_INVALID, "push: branches are not deleted");
	memcpy(out->ref, ref, len);
	if (nul != NULL)
		caps_len = reader->len - bare - len - 1;
	out->report_status = nul && has_cap(nul + 1, caps_len, "report-status");
	out->side_band = nul && has_cap(nul + 1, caps_len, "side-band-64k");
	if (nul && (has_cap(nul + 1, caps_len, "push-options") || has_cap(nul + 1, caps_len, "report-status-v2")))
		return err_set(err, ERR_INVALID, "push: asks for what was not offered");
	return OK;
}

enum err_code
smart_push_parse(struct smart_push *out, const void *body, size_t len, struct err *err)
{
	struct pkt_reader reader = { .p = body, .end = (const char *)body + len };
	enum pkt_kind kind;
	enum err_code code;

	*out = (struct smart_push){ .probe = false };
	kind = pkt_next(&reader);
	if (kind == PKT_FLUSH && reader.p == reader.end) {
		out->probe = true;
		return OK;
	}
	if (kind != PKT_DATA)
		return err_set(err, ERR_INVALID, "push: no command");
	if ((code = read_command(out, &reader, err)) != OK)
		return code;
	if ((kind = pkt_next(&reader)) == PKT_DATA)
		return err_set(err, ERR_INVALID, "push: more than one command");
	if (kind != PKT_FLUSH)
		return err_set(err, ERR_INVALID, "push: the commands are cut off");
	if (reader.p != reader.end) {
		out->pack = reader.p;
		out->pack_len = (size_t)(reader.end - reader.p);
	}
	return OK;
}

/* Reasons come from anywhere; a line break in one would end its line. */
static void
one_line(char out[256], const char *text)
{
	snprintf(out, 256, "%s", *text ? text : "no reason given");
	for (; *out; out++)
		if ((unsigned char)*out < ' ' || *out == 127)
			*out = ' ';
}

void
smart_push_report(struct buf *out, const struct smart_push *push, const char *unpack,
    const char *ref_why)
{
	struct buf report;
	char why[256];

	if (push->report_status) {
		buf_init(&report, 4096);
		one_line(why, unpack ? unpack : "ok");
		pkt_addf(&report, "unpack %s\n", why);
		if (unpack != NULL && ref_why == NULL)
			ref_why = "unpacker error";
		if (ref_why != NULL) {
			one_line(why, ref_why);
			pkt_addf(&report, "ng %s %s\n", push->ref, why);
		} else {
			pkt_addf(&report, "ok %s\n", push->ref);
		}
		pkt_flush(&report);
		smart_band(out, push->side_band, report.p, report.len);
		buf_release(&report);
	}
	smart_band_end(out, push->side_band);
}

bool
smart_report_unpack(char *out, size_t out_size, const void *body, size_t len)
{
	static const char verb[] = "unpack ";
	struct pkt_reader reader = { .p = body, .end = (const char *)body + len }, inner;
	size_t skip = sizeof(verb) - 1;

	if (pkt_next(&reader) != PKT_DATA || reader.raw_len < 1 || *reader.line != 1)
		return false;
	inner = (struct pkt_reader){ .p = reader.line + 1, .end = reader.line + reader.raw_len };
	if (pkt_next(&inner) != PKT_DATA || !pkt_begins(&inner, verb) || pkt_is(&inner, "unpack ok"))
		return false;
	snprintf(out, out_size, "%.*s", (int)(inner.len - skip), inner.line + skip);
	return true;
}
