#include "load_light.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "bench_home.h"
#include "crypto/key.h"
#include "net/client.h"
#include "node/edit.h"
#include "node/enrol.h"
#include "store/db.h"

#define ACTION 500		/* records in one */
#define PACK_MAX (64u << 20)
#define ROUNDS_MAX 64

static void
add_peers(struct node *hub, struct light *lights, const struct id *persons, size_t count)
{
	struct edit *edit;
	struct err err;

	bench_must(edit_begin_as_hub(&edit, hub, &err), &err, "begin");
	for (size_t i = 0; i < count; i++) {
		const uint8_t *key = key_public(lights[i].key);
		uint8_t id[8];

		bytes_put_be64(id, key_node(key));
		bench_must(enrol_add_node(edit, key, i + 1, &persons[i], "light", &err), &err, "a node");
		bench_must(db_run(hub->db, SQL_PEER_ADD, &err, "bbbi", id, sizeof(id), key, (size_t)32, persons[i].b,
		    (size_t)16, (int64_t)node_now_ms(hub)), &err, "a node");
		for (int64_t up = 0; up < 2; up++)
			bench_must(db_run(hub->db, SQL_FEED_ADD, &err, "bi", id, sizeof(id), up), &err, "a feed");
	}
	bench_must(edit_commit(edit, &err), &err, "nodes");
}

struct light *
load_light_register(struct node *hub, size_t count, const struct id *clients, size_t each)
{
	struct light *lights = mem_alloc(count * sizeof(*lights));
	struct id *persons = mem_alloc(count * sizeof(*persons));

	for (size_t i = 0; i < count; i++)
		lights[i].key = key_generate();
	for (size_t i = 0; i < count; i += ACTION) {
		size_t n = count - i < ACTION ? count - i : ACTION;

		bench_persons(persons + i, n, hub, "rep");
		add_peers(hub, lights + i, persons + i, n);
	}
	bench_give_each(hub, clients, each, persons, count);
	free(persons);
	return lights;
}

/* The commit that the advertisement names, or nothing. */
static void
read_tip(char out[41], const struct buf *body)
{
	static const char name[] = " refs/heads/down";
	const char *at = memmem(body->p, body->len, name, sizeof(name) - 1);

	out[0] = '\0';
	if (at && at - body->p >= 40)
		snprintf(out, 41, "%.40s", at - 40);
}

static enum err_code
ask(struct buf *out, struct light_result *result, struct client *client, struct client_request *request, struct err *err)
{
	struct client_reply reply = { .body = *out };
	enum err_code code = client_exchange(client, request, &reply, err);

	*out = reply.body;
	result->requests++;
	result->bytes += out->len;
	result->retry_after_s = reply.retry_after_s;
	if (code == OK && reply.status != 200)
		return err_set(err, ERR_NETWORK, "%s: %d %.*s", request->path, reply.status, (int)out->len, out->p);
	return code;
}

enum err_code
load_light_sync(struct light_result *result, struct light *light, const char *url, struct err *err)
{
	char node[NODE_TEXT], refs[96], pack[96], want[256], tip[41];
	struct client *client;
	struct buf body;
	enum err_code code = OK;

	*result = (struct light_result){ .requests = 0 };
	if (client_open(&client, &(struct client_options){ .url = url, .key = light->key }, err) != OK)
		return err->code;
	node_to_text(node, key_node(key_public(light->key)));
	snprintf(refs, sizeof(refs), "/f/%s.git/info/refs?service=git-upload-pack", node);
	snprintf(pack, sizeof(pack), "/f/%s.git/git-upload-pack", node);
	buf_init(&body, PACK_MAX);
	for (int i = 0; i < ROUNDS_MAX; i++) {
		struct client_request get = { .method = "GET", .path = refs, .have = light->tip[0] ? light->tip : "-" };
		struct client_request post = { .method = "POST", .path = pack, .have = get.have, .body = want,
			.content_type = "application/x-git-upload-pack-request" };

		if ((code = ask(&body, result, client, &get, err)) != OK)
			break;
		read_tip(tip, &body);
		if (strcmp(tip, light->tip) == 0)
			break;
		post.body_len = (size_t)(light->tip[0] ?
		    snprintf(want, sizeof(want), "0032want %s\n00000032have %s\n0009done\n", tip, light->tip) :
		    snprintf(want, sizeof(want), "0032want %s\n00000009done\n", tip));
		if ((code = ask(&body, result, client, &post, err)) != OK)
			break;
		snprintf(light->tip, sizeof(light->tip), "%s", tip);
	}
	buf_release(&body);
	client_close(client);
	return code;
}
