#include "node/passport.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/lines.h"
#include "store/db.h"
#include "store/log.h"

#define SIGNED_AS "satchel/passport/1\n"

static void
release(struct passport *passport)
{
	access_statements_free(passport->statements, passport->count);
}

static void
add_series(struct buf *out, uint64_t series, const struct series_ended *ended)
{
	char name[NODE_TEXT];

	node_to_text(name, series);
	buf_addf(out, "series %s\n", name);
	if (ended->below)
		buf_addf(out, "ended-below %" PRIu64 "\n", ended->below);
	for (size_t i = 0; i < ended->count; i++) {
		node_to_text(name, ended->series[i]);
		buf_addf(out, "ended %s\n", name);
	}
}

/* What is about the person, in force or past, is in his passport; the rest of
 * the policy is not his to see. */
static bool
belongs(const struct statement *s, const struct id *person)
{
	return id_equal(&s->person, person) && s->epoch != 0 && s->node == 0 && s->hold_ms == 0;
}

static int
by_dot(const void *a, const void *b)
{
	return dot_compare(((const struct statement *)a)->dot, ((const struct statement *)b)->dot);
}

/* " ^DOT" for each statement of the passport that S has seen: a dot that is not
 * in it, which would tell of statements about others, gives way to its writer's
 * last one before it. */
static void
add_followed(struct buf *out, const struct statement *s, const struct statement *listed, size_t count)
{
	char name[NODE_TEXT];

	for (size_t a = 0; a < s->after_count; a++) {
		const struct statement *last = NULL;

		for (size_t i = 0; i < count; i++)
			if (listed[i].dot.writer == s->after[a].writer && listed[i].dot.seq <= s->after[a].seq)
				last = &listed[i];
		if (last == NULL)
			continue;
		node_to_text(name, last->dot.writer);
		buf_addf(out, " ^%s.%" PRIu64, name, last->dot.seq);
	}
}

static void
add_statement(struct buf *out, const struct statement *s, struct buf *value)
{
	char name[NODE_TEXT];

	buf_clear(value);
	statement_encode(value, s);
	node_to_text(name, s->dot.writer);
	buf_addf(out, s->hold_ms ? "hold" : "statement");
	buf_addf(out, " %s.%" PRIu64 " %" PRIu64 " ", name, s->dot.seq, s->epoch);
	if (s->hold_ms)
		buf_addf(out, "%" PRIu64 " ", s->hold_ms);
	buf_add(out, value->p, value->len);
}

enum err_code
passport_make(struct buf *out, struct node *node, node_t node_id, const struct id *person,
    uint64_t valid_ms, struct err *err)
{
	struct statement *statements = NULL;
	struct subject subject;
	struct buf value;
	char hex[ID_HEX], name[NODE_TEXT];
	struct series_ended ended;
	uint64_t epoch, series, now = node_now_ms(node);
	size_t start = out->len, count = 0, listed = 0;
	bool revoked;
	enum err_code code;

	buf_init(&value, VALUE_MAX);
	if ((code = access_facts(&subject, &statements, &count, node, person, node_id, err)) != OK ||
	    (code = access_epoch(&epoch, node, err)) != OK ||
	    (code = access_device_revoked(&revoked, node, node_id, err)) != OK ||
	    (code = series_of(&series, node, node_id, err)) != OK ||
	    (code = series_list(&ended, node, err)) != OK)
		goto out;
	/* A device that was revoked has a passport that allows nothing. */
	if (revoked)
		subject.role = ROLE_COUNT;
	node_to_text(name, node_id);
	id_to_hex(hex, &node->org);
	buf_addf(out, "satchel-passport 1\norg %s\nnode %s\n", hex, name);
	id_to_hex(hex, person);
	buf_addf(out, "person %s\nrole %s\n", hex,
	    subject.role < ROLE_COUNT ? role_names[subject.role] : "none");
	lines_add_string(out, "branch", subject.branch);
	lines_add_string(out, "team", subject.team);
	lines_add_string(out, "territory", subject.territory);
	buf_addf(out, "epoch %" PRIu64 "\nissued %" PRIu64 "\nexpires %" PRIu64 "\n", epoch, now,
	    now + valid_ms);
	add_series(out, series, &ended);
	/* Those that are listed first, in the order of their dots. */
	for (size_t i = 0; i < count; i++) {
		if (belongs(&statements[i], person)) {
			struct statement s = statements[i];

			statements[i] = statements[listed];
			statements[listed++] = s;
		}
	}
	if (listed)
		qsort(statements, listed, sizeof(*statements), by_dot);
	for (size_t i = 0; i < count; i++) {
		if (revoked || (i >= listed && statements[i].hold_ms == 0))
			continue;
		add_statement(out, &statements[i], &value);
		add_followed(out, &statements[i], statements, listed);
		buf_addc(out, '\n');
	}
	lines_sign(out, start, SIGNED_AS, node->key);
	if (out->full)
		code = err_set(err, ERR_INVALID, "the passport of a node is too long");
out:
	access_statements_free(statements, count);
	buf_release(&value);
	return code;
}

static bool
parse_dot(struct dot *out, const char **p, const char *end)
{
	const char *dot = memchr(*p, '.', (size_t)(end - *p)), *stop;

	if (dot == NULL || !node_from_text(&out->writer, *p, (size_t)(dot - *p)))
		return false;
	for (stop = dot + 1; stop < end && *stop >= '0' && *stop <= '9'; stop++)
		;
	*p = stop;
	return bytes_to_u64(&out->seq, dot + 1, (size_t)(stop - dot - 1));
}

/* The number before the next space. */
static bool
parse_number(uint64_t *out, const char **p, const char *end)
{
	const char *space = memchr(*p, ' ', (size_t)(end - *p));

	if (space == NULL || !bytes_to_u64(out, *p, (size_t)(space - *p)))
		return false;
	*p = space + 1;
	return true;
}

/* "DOT EPOCH VALUE[ ^DOT...]", with HOLD "DOT EPOCH UNTIL VALUE[ ^DOT...]" */
static bool
parse_statement(struct passport *passport, const char *p, size_t len, bool hold)
{
	const char *end = p + len;
	struct statement *s;
	struct dot dot;
	uint64_t epoch, hold_ms = 0;
	size_t value_len, cap = 0;

	if (!parse_dot(&dot, &p, end) || p >= end || *p++ != ' ' || !parse_number(&epoch, &p, end) ||
	    (hold && (!parse_number(&hold_ms, &p, end) || hold_ms == 0)))
		return false;
	if ((value_len = value_scan(p, (size_t)(end - p))) == 0)
		return false;
	passport->statements = mem_grow(passport->statements, passport->count, &passport->cap,
	    sizeof(*passport->statements));
	s = &passport->statements[passport->count];
	if (statement_decode(s, (struct value){ p, value_len }, NULL) != OK)
		return false;
	if (hold && !s->revoke)
		return false;
	s->dot = dot;
	s->epoch = epoch;
	s->hold_ms = hold_ms;
	s->after = NULL;
	s->after_count = 0;
	passport->count++;
	for (p += value_len; p < end;) {
		if (end - p < 2 || p[0] != ' ' || p[1] != '^')
			return false;
		p += 2;
		s->after = mem_grow(s->after, s->after_count, &cap, sizeof(*s->after));
		if (!parse_dot(&s->after[s->after_count++], &p, end))
			return false;
	}
	return true;
}

static bool
parse_ended(struct series_ended *out, const char *p, size_t len)
{
	return out->count < SERIES_ENDED_MAX && node_from_text(&out->series[out->count++], p, len);
}

static bool
parse_line(struct passport *passport, const struct line *line)
{
	const char *p = line->value;
	size_t len = line->len;

	if (line_is(line, "org"))
		return id_from_hex(&passport->org, p, len);
	if (line_is(line, "node")) {
		bool good = node_from_text(&passport->node, p, len);

		passport->subject.node = passport->node;
		return good;
	}
	if (line_is(line, "person")) {
		bool good = id_from_hex(&passport->person, p, len);

		passport->subject.person = passport->person;
		return good;
	}
	if (line_is(line, "role")) {
		passport->subject.role = role_from_text(p, len);
		return true;
	}
	if (line_is(line, "branch"))
		return line_string(line, passport->subject.branch, sizeof(passport->subject.branch));
	if (line_is(line, "team"))
		return line_string(line, passport->subject.team, sizeof(passport->subject.team));
	if (line_is(line, "territory"))
		return line_string(line, passport->subject.territory, sizeof(passport->subject.territory));
	if (line_is(line, "epoch"))
		return bytes_to_u64(&passport->epoch, p, len);
	if (line_is(line, "issued"))
		return bytes_to_u64(&passport->issued_ms, p, len);
	if (line_is(line, "expires"))
		return bytes_to_u64(&passport->expires_ms, p, len);
	if (line_is(line, "series"))
		return node_from_text(&passport->series, p, len);
	if (line_is(line, "ended"))
		return parse_ended(&passport->ended, p, len);
	if (line_is(line, "ended-below"))
		return bytes_to_u64(&passport->ended.below, p, len);
	if (line_is(line, "statement") || line_is(line, "hold"))
		return parse_statement(passport, p, len, line_is(line, "hold"));
	return false;
}

enum err_code
passport_read(struct passport *out, struct node *node, const char *text, size_t len, struct err *err)
{
	static const char first[] = "satchel-passport 1\n";
	struct line line;
	size_t body;

	*out = (struct passport){ .subject.role = ROLE_COUNT };
	if (len >= PASSPORT_MAX)
		return err_set(err, ERR_INVALID, "passport: longer than any can be");
	if (lines_verify(&body, text, len, SIGNED_AS, node->hub_key, err) != OK)
		return err_wrap(err, "passport");
	if (body < sizeof(first) || memcmp(text, first, sizeof(first) - 1) != 0)
		return err_set(err, ERR_INVALID, "passport: of another version");
	for (const char *p = text + sizeof(first) - 1; lines_next(&line, &p, text + body);)
		if (!parse_line(out, &line)) {
			release(out);
			return err_set(err, ERR_INVALID, "passport: a line that this version cannot read");
		}
	return OK;
}

enum err_code
passport_accept(struct node *node, const char *text, size_t len, uint64_t now_ms, struct err *err)
{
	struct passport passport;
	int64_t held;
	enum err_code code;

	if (passport_read(&passport, node, text, len, err) != OK)
		return err->code;
	if ((code = log_meta_int(&held, node->db, "passport_epoch", err)) != OK)
		;
	else if (!id_equal(&passport.org, &node->org) || passport.node != node->id ||
	    !id_equal(&passport.person, &node->person))
		code = err_set(err, ERR_INVALID, "passport: made out for another node");
	else if (passport.expires_ms <= now_ms)
		code = err_set(err, ERR_INVALID, "passport: it had expired before it came");
	else if (passport.epoch < (uint64_t)held)
		code = err_set(err, ERR_INVALID, "passport: older (epoch %" PRIu64 ") than the one held (%" PRId64
		    ")", passport.epoch, held);
	else if ((code = db_run(node->db, SQL_META_PUT, err, "st", "passport", text, len)) == OK &&
	    (code = db_run(node->db, SQL_META_PUT, err, "si", "passport_epoch", (int64_t)passport.epoch)) == OK &&
	    (code = series_learn(node, &passport.ended, passport.issued_ms + PASSPORT_VALID_MS, err)) == OK)
		code = db_run(node->db, SQL_META_PUT, err, "si", "passport_expires",
		    (int64_t)passport.expires_ms);
	release(&passport);
	return code;
}

enum err_code
passport_access(struct access *out, const struct passport *passport, uint64_t now_ms, struct err *err)
{
	*out = (struct access){ .subject = passport->subject, .epoch = passport->epoch };
	return policy_fold(&out->rules, &out->subject, passport->statements, passport->count,
	    passport->epoch, now_ms, err);
}

enum err_code
passport_need_valid(struct node *node, struct err *err)
{
	char day[UNTIL_TEXT];
	int64_t expires_ms;

	if (node->hub)
		return OK;
	if (log_meta_int(&expires_ms, node->db, "passport_expires", err) != OK)
		return err->code;
	if (expires_ms == 0 || (uint64_t)expires_ms > node_now_ms(node))
		return OK;
	until_to_text(day, (uint64_t)expires_ms);
	return err_set(err, ERR_DENIED, "the hub's word on what you may change has expired on %s: run "
	    "satchel sync; nothing is lost", day);
}

enum err_code
passport_load(struct access *out, struct node *node, struct err *err)
{
	struct passport passport;
	char *text = mem_alloc(PASSPORT_MAX);
	enum err_code code;

	if ((code = log_meta_text(text, PASSPORT_MAX, node->db, "passport", err)) != OK)
		goto out;
	if (text[0] == '\0') {
		code = err_set(err, ERR_DENIED, "this node has no passport yet: run satchel sync once");
		goto out;
	}
	if ((code = passport_read(&passport, node, text, strlen(text), err)) != OK)
		goto out;
	code = passport_access(out, &passport, node_now_ms(node), err);
	release(&passport);
out:
	free(text);
	return code;
}

enum err_code
passport_epoch(uint64_t *out, struct node *node, struct err *err)
{
	int64_t epoch;

	if (log_meta_int(&epoch, node->db, "passport_epoch", err) != OK)
		return err->code;
	*out = (uint64_t)epoch;
	return OK;
}
