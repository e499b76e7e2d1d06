#include "node/put_back.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/audit.h"
#include "node/incarnation.h"
#include "store/db.h"
#include "store/log.h"

#define TEXT_MAX 96
#define SAY_WHAT_TO_DO "this hub's home was put back to an earlier state, and devices know more than it does. It serves " \
	"nobody until that is mended: stop it, run satchel restore --here, start it again, and let the heads sync first"

static int
word_text(char out[TEXT_MAX], node_t device, uint64_t incarnation, uint64_t count)
{
	return snprintf(out, TEXT_MAX, "satchel/word/1\n%016" PRIx64 "\n%" PRIu64 "\n%" PRIu64 "\n", device,
	    incarnation, count);
}

struct word {
	uint64_t count, incarnation;
	uint8_t signature[64];
};

static bool
parse_word(struct word *out, const char *text)
{
	uint64_t *const numbers[] = { &out->count, &out->incarnation };

	for (int i = 0; i < 2; i++) {
		size_t len = strcspn(text, " ");

		if (!bytes_to_u64(numbers[i], text, len) || text[len] == '\0')
			return false;
		text += len + 1;
	}
	return bytes_from_b64(out->signature, sizeof(out->signature), text, strlen(text));
}

/* Has the holder of HUB_KEY signed it about DEVICE? */
static bool
is_signed(const struct word *word, node_t device, const uint8_t hub_key[32])
{
	char text[TEXT_MAX];

	return key_verify(word->signature, hub_key, text,
	    (size_t)word_text(text, device, word->incarnation, word->count));
}

/* --- the hub --- */

enum err_code
put_back_count(struct node *hub, node_t device, struct err *err)
{
	uint8_t id[8];

	bytes_put_be64(id, device);
	return db_run(hub->db, SQL_PEER_COUNT, err, "b", id, sizeof(id));
}

static enum err_code
read_count(uint64_t *out, struct node *hub, node_t device, struct err *err)
{
	uint8_t id[8];
	int64_t count;
	bool found;

	*out = 0;
	bytes_put_be64(id, device);
	if (db_int(&count, &found, hub->db, SQL_PEER_COUNTED, err, "b", id, sizeof(id)) != OK)
		return err->code;
	*out = found ? (uint64_t)count : 0;
	return OK;
}

enum err_code
put_back_word(char out[PUT_BACK_WORD], struct node *hub, node_t device, struct err *err)
{
	char text[TEXT_MAX], signature_text[BYTES_B64_LEN(64) + 1];
	uint8_t signature[64];
	uint64_t count;

	if (read_count(&count, hub, device, err) != OK)
		return err->code;
	key_sign(signature, hub->key, text, (size_t)word_text(text, device, hub->incarnation, count));
	bytes_to_b64(signature_text, signature, sizeof(signature));
	snprintf(out, PUT_BACK_WORD, "%" PRIu64 " %" PRIu64 " %s", count, hub->incarnation, signature_text);
	return OK;
}

enum err_code
put_back_look(struct node *hub, node_t device, const char *word, struct err *err)
{
	struct word shown;
	uint64_t counted, epoch;

	/* Of another incarnation nothing can be said: its numbers may have been lost rightly. */
	if (word == NULL || !parse_word(&shown, word) || shown.incarnation != hub->incarnation)
		return OK;
	if (read_count(&counted, hub, device, err) != OK)
		return err->code;
	/* The signature last: nearly every request shows what is known. */
	if (shown.count <= counted || !is_signed(&shown, device, key_public(hub->key)))
		return OK;
	if (access_epoch(&epoch, hub, err) != OK)
		return err->code;
	return put_back_found(hub, device, epoch, err);
}

enum err_code
put_back_found(struct node *hub, node_t device, uint64_t epoch, struct err *err)
{
	int64_t known;
	enum err_code code;

	if (db_begin(hub->db, err) != OK)
		return err->code;
	if ((code = log_meta_int(&known, hub->db, "put_back", err)) == OK &&
	    (uint64_t)known < epoch + 1)
		code = db_run(hub->db, SQL_META_PUT, err, "si", "put_back", (int64_t)epoch + 1);
	if (code == OK && known == 0)
		code = audit_add(hub, device, "put back", "this hub was put back to an earlier state: the device has shown "
		    "its signature under a later one", err);
	if (code != OK) {
		db_rollback(hub->db);
		return code;
	}
	if (db_commit(hub->db, err) != OK)
		return err->code;
	if (known == 0)
		log_line("%s", SAY_WHAT_TO_DO);
	return OK;
}

enum err_code
put_back_need_not(struct node *hub, struct err *err)
{
	uint8_t incarnation[8];
	int64_t one;
	bool found;

	bytes_put_be64(incarnation, hub->incarnation);
	if (db_int(&one, &found, hub->db, SQL_META_PUT_BACK, err, "b", incarnation, sizeof(incarnation)) != OK)
		return err->code;
	if (!found)
		return OK;
	return one ? err_set(err, ERR_CONFLICT, SAY_WHAT_TO_DO) :
	    err_set(err, ERR_CONFLICT, "this home was given a new incarnation meanwhile: start satchel serve again");
}

/* --- any home --- */

/* Marked until it is done whole, so that nothing is served in between. */
static enum err_code
set_mark(struct node *hub, bool on, struct err *err)
{
	int64_t known;
	enum err_code code;

	if (!hub->hub)
		return OK;
	if (db_begin(hub->db, err) != OK)
		return err->code;
	if (!on)
		code = db_run(hub->db, SQL_META_DROP, err, "s", "put_back");
	else if ((code = log_meta_int(&known, hub->db, "put_back", err)) == OK && known == 0)
		code = db_run(hub->db, SQL_META_PUT, err, "si", "put_back", (int64_t)1);
	if (code == OK)
		return db_commit(hub->db, err);
	db_rollback(hub->db);
	return code;
}

enum err_code
put_back_renew(struct node *node, struct err *err)
{
	return set_mark(node, true, err) == OK && incarnation_renew(node, err) == OK ?
	    set_mark(node, false, err) : err->code;
}

/* --- a node --- */

bool
put_back_is_word(const struct node *node, const char *word)
{
	struct word heard;

	return strlen(word) < PUT_BACK_WORD && parse_word(&heard, word) && is_signed(&heard, node->id, node->hub_key);
}

enum err_code
put_back_say(struct err *err)
{
	return err_set(err, ERR_NETWORK, "the hub has found out that it was put back to an earlier state, and serves "
	    "nobody until its administrator has mended that: tell him. Your work is safe here, and goes with a later sync");
}
