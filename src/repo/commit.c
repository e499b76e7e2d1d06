#include "repo/commit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"

static const char mode[] = "100644 ";
enum { MODE = sizeof(mode) - 1, ENTRY_MIN = MODE + 2 + 20 };

static bool
is_visible(const char *p, size_t len, const char *except)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] > '~' || strchr(except, p[i]) != NULL)
			return false;
	return len > 0;
}

static bool
is_name(const char *name, size_t len)
{
	return is_visible(name, len, "/\\") && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	    strcasecmp(name, ".git") != 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct commit_entry *)a)->name, ((const struct commit_entry *)b)->name);
}

void
commit_tree_encode(struct buf *out, struct commit_entry *entries, size_t count)
{
	if (count)
		qsort(entries, count, sizeof(*entries), by_name);
	for (size_t i = 0; i < count; i++) {
		assert(is_name(entries[i].name, strlen(entries[i].name)));
		assert(i == 0 || by_name(&entries[i - 1], &entries[i]) < 0);
		buf_adds(out, mode);
		buf_add(out, entries[i].name, strlen(entries[i].name) + 1);
		buf_add(out, entries[i].oid, sizeof(entries[i].oid));
	}
}

static const char *
entry_decode(struct commit_entry *out, const char **p, const char *end)
{
	const char *name = *p + MODE, *stop;
	size_t len;

	if (end - *p < ENTRY_MIN)
		return "is cut off";
	if (memcmp(*p, mode, MODE) != 0)
		return "is not a regular file";
	if ((stop = memchr(name, '\0', (size_t)(end - name))) == NULL || end - stop < 21)
		return "is cut off";
	len = (size_t)(stop - name);
	if (len >= sizeof(out->name) || !is_name(name, len))
		return "has a name that is not taken";
	memcpy(out->name, name, len + 1);
	memcpy(out->oid, stop + 1, 20);
	*p = stop + 21;
	return NULL;
}

enum err_code
commit_tree_decode(struct commit_entry **out, size_t *count, const void *content, size_t size,
    struct err *err)
{
	const char *p = content, *end = p + size, *wrong = NULL;
	struct commit_entry *entries = NULL;
	size_t n = 0, cap = 0;

	*out = NULL;
	*count = 0;
	while (p < end && wrong == NULL) {
		if (n == COMMIT_ENTRIES_MAX) {
			wrong = "is one more than are taken";
			break;
		}
		entries = mem_grow(entries, n, &cap, sizeof(*entries));
		wrong = entry_decode(&entries[n], &p, end);
		if (wrong == NULL && n > 0 && by_name(&entries[n - 1], &entries[n]) >= 0)
			wrong = "is out of order";
		if (wrong == NULL)
			n++;
	}
	if (wrong != NULL) {
		free(entries);
		return err_set(err, ERR_INVALID, "tree: entry %zu %s", n + 1, wrong);
	}
	*out = entries != NULL ? entries : mem_alloc(sizeof(*entries));
	*count = n;
	return OK;
}

static bool
is_message(const char *message, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)message[i] < ' ' || message[i] == 127)
			return false;
	return len > 0 && bytes_is_utf8(message, len);
}

static void
person(struct buf *out, const char *role, const struct commit *commit)
{
	buf_addf(out, "%s satchel <%s> %llu +0000\n", role, commit->author,
	    (unsigned long long)commit->time_s);
}

void
commit_encode(struct buf *out, const struct commit *commit)
{
	char hex[41];

	assert(is_visible(commit->author, strlen(commit->author), "<>"));
	assert(is_message(commit->message, strlen(commit->message)));
	assert(commit->time_s <= COMMIT_TIME_MAX);
	bytes_to_hex(hex, commit->tree, 20);
	buf_addf(out, "tree %s\n", hex);
	if (commit->has_parent) {
		bytes_to_hex(hex, commit->parent, 20);
		buf_addf(out, "parent %s\n", hex);
	}
	person(out, "author", commit);
	person(out, "committer", commit);
	buf_addf(out, "\n%s\n", commit->message);
}

/* Pass TEXT at *P. */
static bool
eat(const char **p, const char *end, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(end - *p) < len || memcmp(*p, text, len) != 0)
		return false;
	*p += len;
	return true;
}

static bool
eat_oid(uint8_t out[20], const char **p, const char *end)
{
	if (end - *p < 40 || !bytes_from_hex(out, 20, *p, 40))
		return false;
	*p += 40;
	return eat(p, end, "\n");
}

/* Copy what lies before STOP and pass both. */
static bool
eat_until(char *out, size_t out_size, const char **p, const char *end, char stop)
{
	const char *at = memchr(*p, stop, (size_t)(end - *p));

	if (at == NULL || (size_t)(at - *p) >= out_size || memchr(*p, '\0', (size_t)(at - *p)) != NULL)
		return false;
	memcpy(out, *p, (size_t)(at - *p));
	out[at - *p] = '\0';
	*p = at + 1;
	return true;
}

static bool
eat_person(struct commit *out, const char **p, const char *end)
{
	char time[24];

	return eat(p, end, "satchel <") && eat_until(out->author, sizeof(out->author), p, end, '>') &&
	    is_visible(out->author, strlen(out->author), "<>") && eat(p, end, " ") &&
	    eat_until(time, sizeof(time), p, end, ' ') &&
	    bytes_to_u64(&out->time_s, time, strlen(time)) && out->time_s <= COMMIT_TIME_MAX &&
	    eat(p, end, "+0000\n");
}

enum err_code
commit_decode(struct commit *out, const void *content, size_t size, struct err *err)
{
	const char *p = content, *end = p + size, *wrong = NULL;
	struct commit commit = { .has_parent = false }, committer = { .has_parent = false };

	if (!eat(&p, end, "tree ") || !eat_oid(commit.tree, &p, end))
		wrong = "no tree";
	else if (eat(&p, end, "parent ") && !(commit.has_parent = eat_oid(commit.parent, &p, end)))
		wrong = "no parent after \"parent\"";
	else if (!eat(&p, end, "author ") || !eat_person(&commit, &p, end))
		wrong = "no author line of this program";
	else if (!eat(&p, end, "committer ") || !eat_person(&committer, &p, end) ||
	    strcmp(committer.author, commit.author) != 0 || committer.time_s != commit.time_s)
		wrong = "the committer is not the author";
	else if (!eat(&p, end, "\n") ||
	    !eat_until(commit.message, sizeof(commit.message), &p, end, '\n') || p != end ||
	    !is_message(commit.message, strlen(commit.message)))
		wrong = "no message of one line";
	if (wrong != NULL)
		return err_set(err, ERR_INVALID, "commit: %s", wrong);
	*out = commit;
	return OK;
}
