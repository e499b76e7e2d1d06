#include "node/party.h"

#include <stdlib.h>

#include "base/mem.h"
#include "node/author.h"
#include "node/drain.h"
#include "node/enrol.h"
#include "node/feed.h"
#include "node/judge.h"
#include "node/past.h"

static enum err_code
person_of(struct id *person, struct node *hub, node_t node, writer_t writer, struct err *err)
{
	struct author author;

	if (enrol_owner(person, hub, node, err) != OK)
		return err->code;
	if (!id_is_zero(person) || writer == 0)
		return OK;
	if (author_find(&author, hub, writer, err) != OK)
		return err->code;
	*person = author.person;
	return OK;
}

static enum err_code
load(struct party *party, struct node *hub, writer_t writer, struct err *err)
{
	struct id person;
	struct feed down;

	party->hub = party->node == hub->id;
	if (party->hub)
		return OK;
	if (feed_load(&down, hub, party->node, false, err) == OK)
		party->down = down.f;
	else if (err->code != ERR_NOT_FOUND)
		return err->code;
	if (access_device_revoked(&party->revoked, hub, party->node, err) != OK ||
	    person_of(&person, hub, party->node, writer, err) != OK)
		return err->code;
	if (access_load_device(&party->access, hub, &person, party->node, err) == OK)
		return OK;
	if (err->code != ERR_NOT_FOUND)
		return err->code;
	party->unknown = true;
	party->access = (struct access){ .subject = { .person = person, .role = ROLE_COUNT } };
	return OK;
}

enum err_code
party_find(struct party **out, struct party **parties, struct node *hub, node_t node, writer_t writer,
    struct err *err)
{
	struct party *party;

	for (party = *parties; party; party = party->next)
		if (party->node == node) {
			*out = party;
			return OK;
		}
	party = mem_alloc(sizeof(*party));
	party->node = node;
	if (load(party, hub, writer, err) != OK) {
		free(party);
		return err->code;
	}
	party->next = *parties;
	*out = *parties = party;
	return OK;
}

void
party_release(struct party **parties)
{
	struct party *next;

	for (; *parties; *parties = next) {
		next = (*parties)->next;
		access_release(&(*parties)->access);
		access_release(&(*parties)->then);
		for (size_t i = 0; i < (*parties)->ever_count; i++)
			access_release(&(*parties)->ever[i]);
		free((*parties)->ever);
		free(*parties);
	}
}

enum err_code
party_could(bool *out, struct party *party, struct node *hub, const struct batch *batch, int64_t s,
    struct err *err)
{
	*out = party->unknown;
	if (party->unknown)
		return OK;
	if (party->ever == NULL && past_ever(&party->ever, &party->ever_count, hub,
	    &party->access.subject.person, err) != OK)
		return err->code;
	return judge_once(out, hub, party->ever, party->ever_count, batch, s, err);
}

enum err_code
party_then(const struct access **out, bool *revoked, struct party *party, struct node *hub,
    const struct witness *when, struct err *err)
{
	*out = &party->then;
	if (party->then_b != when->b || party->then.epoch != when->epoch) {
		access_release(&party->then);
		party->then_b = 0;
		if (past_access(&party->then, &party->then_revoked, hub, &party->access.subject.person,
		    party->node, when, err) != OK) {
			party->then = (struct access){ .epoch = 0 };
			return err->code;
		}
		party->then_b = when->b;
	}
	*revoked = party->then_revoked;
	return OK;
}

enum err_code
party_sees(bool *out, const struct party *party, struct node *hub, int64_t s, struct err *err)
{
	enum right right;

	*out = party->hub;
	if (party->hub)
		return OK;
	if (access_right(&right, &party->access, hub, s, err) != OK)
		return err->code;
	*out = right != RIGHT_NONE;
	if (*out || (party->down && drain_sees(out, hub, &party->access, party->down, s, err) != OK))
		return *out ? OK : err->code;
	return *out ? OK : access_held_back(out, &party->access, hub, s, err);
}
