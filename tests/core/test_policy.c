#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/policy.h"

static struct id
make_id(unsigned kind, size_t n)
{
	struct id id = { { 1, (uint8_t)kind, (uint8_t)n } };

	return id;
}

/* Scenes told by hand. */
struct scene {
	struct statement said[16];
	struct dot after[16][8];
	size_t count;
	struct subject rep;
};

static const struct selector own = { .kind = SELECT_OWN }, all = { .kind = SELECT_ALL };

static struct selector
named(enum selector_kind kind, const char *text)
{
	struct selector selector = { .kind = kind };

	strncpy(selector.name, text, sizeof(selector.name) - 1);
	return selector;
}

static struct selector
client(size_t n)
{
	return (struct selector){ .kind = SELECT_CLIENT, .client = make_id(2, n) };
}

static void
scene_init(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->rep.person = make_id(1, 0);
	scene->rep.role = ROLE_REP;
}

/* Append a sealed statement that follows statement AFTER (from 1; 0 is none). */
static size_t
tell(struct scene *scene, struct selector selector, uint32_t blocks, enum right right, size_t after)
{
	struct statement *it = &scene->said[scene->count];

	*it = (struct statement){ .dot = { 100 - scene->count, 5 }, .epoch = 1,
		.person = scene->rep.person, .selector = selector, .blocks = blocks,
		.right = right, .revoke = right == RIGHT_NONE };
	it->after = scene->after[scene->count];
	if (after)
		it->after[it->after_count++] = scene->said[after - 1].dot;
	return ++scene->count;
}

static enum right
may(const struct scene *scene, size_t number, bool owned, uint8_t block)
{
	struct assignment it = { .client = make_id(2, number) };
	struct rules rules = { 0 };
	enum right right;

	if (owned)
		it.owner = scene->rep.person;
	strcpy(it.team, "A");
	strcpy(it.segment, "big");
	assert_int_equal(policy_fold(&rules, &scene->rep, scene->said, scene->count, 1, 0, NULL), OK);
	right = policy_right(&rules, &scene->rep, &it, block);
	policy_release(&rules);
	return right;
}

static void
nothing_is_allowed_by_default(void **unused)
{
	struct assignment nowhere = { .client = make_id(2, 0) };
	struct subject nobody = { .role = ROLE_REP }, branch = { .role = ROLE_BRANCH };
	struct rules rules = { 0 };
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	for (uint8_t block = 0; block < BLOCK_COUNT; block++)
		assert_int_equal(may(&scene, 1, false, block), RIGHT_NONE);
	scene.rep.role = ROLE_COUNT;
	for (uint8_t block = 0; block < BLOCK_COUNT; block++)
		assert_int_equal(may(&scene, 1, true, block), RIGHT_NONE);
	/* No owner is not the owner "nobody"; no branch is not the branch "". */
	policy_fold(&rules, &nobody, NULL, 0, 1, 0, NULL);
	assert_int_equal(policy_right(&rules, &nobody, &nowhere, BLOCK_DEALS), RIGHT_NONE);
	policy_release(&rules);
	branch.person = make_id(1, 1);
	policy_fold(&rules, &branch, NULL, 0, 1, 0, NULL);
	assert_int_equal(rules.count, 0);
	assert_int_equal(policy_right(&rules, &branch, &nowhere, BLOCK_DEALS), RIGHT_NONE);
	policy_release(&rules);
	assert_null(rules.rules);
	assert_int_equal(policy_right(&rules, &branch, &nowhere, BLOCK_DEALS), RIGHT_NONE);
}

static void
revoking_a_client_carves_it_out_of_own(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_NONE, 0);
	assert_int_equal(may(&scene, 1, true, BLOCK_DEALS), RIGHT_NONE);
	assert_int_equal(may(&scene, 2, true, BLOCK_DEALS), RIGHT_EDIT);
}

static void
revoking_own_leaves_a_direct_grant(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	tell(&scene, client(1), 1u << BLOCK_DEALS, RIGHT_SEE, 0);
	tell(&scene, own, BLOCKS_ALL, RIGHT_NONE, 0);
	assert_int_equal(may(&scene, 1, true, BLOCK_DEALS), RIGHT_SEE);
	assert_int_equal(may(&scene, 1, true, BLOCK_PROFILE), RIGHT_NONE);
	assert_int_equal(may(&scene, 2, true, BLOCK_DEALS), RIGHT_NONE);
}

static void
overlapping_grants_go_one_by_one(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	scene.rep.role = ROLE_COUNT;
	tell(&scene, named(SELECT_TEAM, "A"), BLOCKS_ALL, RIGHT_EDIT, 0);
	tell(&scene, named(SELECT_SEGMENT, "big"), 1u << BLOCK_DEALS, RIGHT_SEE, 0);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_EDIT);
	tell(&scene, named(SELECT_TEAM, "B"), BLOCKS_ALL, RIGHT_NONE, 1);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_EDIT);
	tell(&scene, named(SELECT_TEAM, "A"), BLOCKS_ALL, RIGHT_NONE, 1);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_SEE);
	assert_int_equal(may(&scene, 1, false, BLOCK_PROFILE), RIGHT_NONE);
	tell(&scene, named(SELECT_SEGMENT, "big"), BLOCKS_ALL, RIGHT_NONE, 2);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
}

static void
revoking_all_takes_everything(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_EDIT, 0);
	tell(&scene, named(SELECT_TEAM, "A"), BLOCKS_ALL, RIGHT_EDIT, 0);
	tell(&scene, all, BLOCKS_ALL, RIGHT_NONE, 2);
	for (uint8_t block = 0; block < COMMON_FIRST; block++)
		assert_int_equal(may(&scene, 1, true, block), RIGHT_NONE);
	/* Even from a head, whose preset precedes everything. */
	scene.rep.role = ROLE_HEAD;
	assert_int_equal(may(&scene, 1, true, BLOCK_DEALS), RIGHT_NONE);
}

static void
a_regrant_must_follow_the_revoke(void **unused)
{
	struct scene scene;
	size_t grant, revoke;

	(void)unused;
	scene_init(&scene);
	scene.rep.role = ROLE_COUNT;
	grant = tell(&scene, client(1), BLOCKS_ALL, RIGHT_EDIT, 0);
	revoke = tell(&scene, client(1), BLOCKS_ALL, RIGHT_NONE, grant);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
	/* By a head who saw the first grant only: concurrent, so revoked. */
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_EDIT, grant);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_SEE, revoke);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_SEE);
	/* A second, concurrent revoke takes it again. */
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_NONE, grant);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
}

static void
following_goes_through_statements_about_others(void **unused)
{
	struct scene scene;
	size_t revoke, other;

	(void)unused;
	scene_init(&scene);
	revoke = tell(&scene, client(1), BLOCKS_ALL, RIGHT_NONE, 0);
	other = tell(&scene, client(1), BLOCKS_ALL, RIGHT_NONE, revoke);
	scene.said[other - 1].person = make_id(1, 7);
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_SEE, other);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_SEE);
	/* A circle, which only a broken author can write, ends. */
	scene.after[0][0] = scene.said[2].dot;
	scene.said[0].after_count = 1;
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_SEE);
	/* Without the link nothing shows that it follows. */
	scene.said[other - 1] = scene.said[2];
	scene.said[0].after_count = 0;
	scene.count = 2;
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
}

static void
a_writer_follows_himself(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	scene.rep.role = ROLE_COUNT;
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_NONE, 0);
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_SEE, 0);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
	scene.said[1].dot = (struct dot){ scene.said[0].dot.writer, scene.said[0].dot.seq + 1 };
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_SEE);
	/* But not what he stated afterwards. */
	scene.said[1].dot.seq = scene.said[0].dot.seq - 1;
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
}

static void
an_empty_name_selects_nobody(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	scene.rep.role = ROLE_COUNT;
	tell(&scene, named(SELECT_BRANCH, ""), BLOCKS_ALL, RIGHT_EDIT, 0);
	tell(&scene, named(SELECT_TERRITORY, ""), BLOCKS_ALL, RIGHT_EDIT, 0);
	assert_int_equal(may(&scene, 1, true, BLOCK_DEALS), RIGHT_NONE);
}

static void
a_revoke_takes_the_blocks_it_names(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	tell(&scene, own, 1u << BLOCK_DEALS | 1u << BLOCK_FINANCE, RIGHT_NONE, 0);
	assert_int_equal(may(&scene, 1, true, BLOCK_DEALS), RIGHT_NONE);
	assert_int_equal(may(&scene, 1, true, BLOCK_FINANCE), RIGHT_NONE);
	assert_int_equal(may(&scene, 1, true, BLOCK_PROFILE), RIGHT_EDIT);
	assert_int_equal(may(&scene, 1, true, BLOCK_SERVICE), RIGHT_SEE);
	assert_int_equal(may(&scene, 1, true, BLOCK_INTERNAL), RIGHT_NONE);
	tell(&scene, own, 1u << BLOCK_INTERNAL, RIGHT_SEE, 0);
	assert_int_equal(may(&scene, 1, true, BLOCK_INTERNAL), RIGHT_SEE);
}

static void
only_who_may_reassign_writes_the_assignment(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	tell(&scene, own, BLOCKS_ALL, RIGHT_EDIT, 0);
	assert_int_equal(may(&scene, 1, true, BLOCK_ASSIGNMENT), RIGHT_SEE);
	assert_int_equal(may(&scene, 1, true, BLOCK_FINANCE), RIGHT_EDIT);
	scene.rep.role = ROLE_HEAD;
	assert_int_equal(may(&scene, 1, true, BLOCK_ASSIGNMENT), RIGHT_EDIT);
}

static void
no_grant_opens_a_common_shard(void **unused)
{
	struct subject who = { 0 };
	struct rules rules;
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	tell(&scene, all, BLOCKS_ALL, RIGHT_EDIT, 0);
	for (unsigned block = COMMON_FIRST; block < 256; block++)
		assert_int_equal(may(&scene, 1, true, (uint8_t)block), RIGHT_NONE);
	for (int role = 0; role <= ROLE_COUNT; role++) {
		/* people, config, catalog, campaigns, policy */
		static const char *const words[ROLE_COUNT + 1] = {
			[ROLE_HEAD] = "eeeee", [ROLE_REP] = "ssss-", [ROLE_BRANCH] = "ssss-",
			[ROLE_ERP] = "sses-", [ROLE_AUDITOR] = "sssss", [ROLE_COUNT] = "-----",
		};

		who.role = (enum role)role;
		assert_int_equal(policy_fold(&rules, &who, NULL, 0, 1, 0, NULL), OK);
		for (uint8_t i = 0; i < 5; i++)
			assert_int_equal(policy_common_right(&rules, &who, (uint8_t)(COMMON_FIRST + i)),
			    words[role][i] == 'e' ? RIGHT_EDIT :
			    words[role][i] == 's' ? RIGHT_SEE : RIGHT_NONE);
		assert_int_equal(policy_common_right(&rules, &who, BLOCK_DEALS), RIGHT_NONE);
		assert_int_equal(policy_common_right(&rules, &who, BLOCK_COUNT), RIGHT_NONE);
		policy_release(&rules);
	}
}

static void
roles_come_with_their_capabilities(void **unused)
{
	static const uint32_t expected[ROLE_COUNT + 1] = {
		[ROLE_HEAD] = 255, [ROLE_REP] = CAN_IMPORT, [ROLE_BRANCH] = CAN_IMPORT,
		[ROLE_ERP] = CAN_IMPORT | CAN_EXPORT, [ROLE_AUDITOR] = CAN_AUDIT,
	};

	(void)unused;
	for (int role = 0; role <= ROLE_COUNT; role++) {
		struct subject who = { .person = make_id(1, 0), .role = (enum role)role };
		struct rules rules = { 0 };

		policy_fold(&rules, &who, NULL, 0, 0, 0, NULL);
		assert_int_equal(rules.capabilities, expected[role]);
		policy_release(&rules);
		if (role < ROLE_COUNT)
			assert_int_equal(role_from_text(role_names[role], strlen(role_names[role])), role);
	}
	assert_int_equal(role_from_text("Head", 4), ROLE_COUNT);
	assert_int_equal(role_from_text("hea", 3), ROLE_COUNT);
	assert_int_equal(role_from_text("", 0), ROLE_COUNT);
}

static uint32_t
capabilities(const struct scene *scene)
{
	struct rules rules = { 0 };
	uint32_t all_of_them;

	assert_int_equal(policy_fold(&rules, &scene->rep, scene->said, scene->count, 1, 0, NULL), OK);
	all_of_them = rules.capabilities;
	policy_release(&rules);
	return all_of_them;
}

/* A sealed statement about capabilities that follows statement AFTER (from 1; 0 is none). */
static size_t
tell_may(struct scene *scene, bool revoke, uint32_t what, size_t after)
{
	size_t n = tell(scene, (struct selector){ .kind = SELECT_ALL }, 0, revoke ? RIGHT_NONE : RIGHT_SEE, after);

	scene->said[n - 1].right = RIGHT_NONE;
	scene->said[n - 1].capabilities = what;
	return n;
}

static void
capabilities_are_given_and_taken_one_by_one(void **unused)
{
	struct assignment it = { .client = make_id(2, 1) };
	struct rules rules = { 0 };
	struct scene scene;
	size_t taken;

	(void)unused;
	scene_init(&scene);
	tell_may(&scene, false, CAN_EXPORT | CAN_DELETE, 0);
	assert_int_equal(capabilities(&scene), CAN_IMPORT | CAN_EXPORT | CAN_DELETE);
	/* They open no client. */
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_NONE);
	/* What the role brings goes too, and a grant that does not know of a revoke is void. */
	taken = tell_may(&scene, true, CAN_EXPORT | CAN_IMPORT, 0);
	assert_int_equal(capabilities(&scene), CAN_DELETE);
	tell_may(&scene, false, CAN_EXPORT, 0);
	assert_int_equal(capabilities(&scene), CAN_DELETE);
	/* Who has seen the revoke can grant anew, and that no more than he says. */
	tell_may(&scene, false, CAN_EXPORT | CAN_AUDIT, taken);
	assert_int_equal(capabilities(&scene), CAN_DELETE | CAN_EXPORT | CAN_AUDIT);
	/* A revoke of clients is none of capabilities, nor the other way round. */
	tell(&scene, all, BLOCKS_ALL, RIGHT_NONE, 0);
	assert_int_equal(capabilities(&scene), CAN_DELETE | CAN_EXPORT | CAN_AUDIT);
	tell(&scene, client(1), BLOCKS_ALL, RIGHT_SEE, scene.count);
	tell_may(&scene, true, CAPABILITIES_GIVEN, 0);
	assert_int_equal(capabilities(&scene), 0);
	assert_int_equal(may(&scene, 1, false, BLOCK_DEALS), RIGHT_SEE);
	/* Nobody becomes a head by a statement, and no head stops being one. */
	tell_may(&scene, false, CAN_GRANT, 0);
	assert_int_equal(capabilities(&scene), 0);
	scene.rep.role = ROLE_HEAD;
	tell_may(&scene, true, CAN_GRANT, 0);
	assert_int_equal(capabilities(&scene), CAN_GRANT);
	assert_int_equal(policy_fold(&rules, &scene.rep, scene.said, scene.count, 1, 0, NULL), OK);
	assert_int_equal(policy_common_right(&rules, &scene.rep, BLOCK_CONFIG), RIGHT_SEE);
	assert_int_equal(policy_common_right(&rules, &scene.rep, BLOCK_POLICY), RIGHT_EDIT);
	assert_int_equal(policy_right(&rules, &scene.rep, &it, BLOCK_DEALS), RIGHT_SEE);
	policy_release(&rules);
}

static void
only_sealed_statements_count(void **unused)
{
	static const struct { uint64_t sealed, asked; enum right right; } cases[] = {
		{ 0, 5, RIGHT_NONE }, { 0, UINT64_MAX, RIGHT_SEE }, { 5, 4, RIGHT_NONE },
		{ 5, 5, RIGHT_SEE }, { 5, UINT64_MAX, RIGHT_SEE },
	};
	struct assignment it = { .client = make_id(2, 1) };
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	tell(&scene, all, BLOCKS_ALL, RIGHT_SEE, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rules rules = { 0 };

		scene.said[0].epoch = cases[i].sealed;
		assert_int_equal(policy_fold(&rules, &scene.rep, scene.said, 1, cases[i].asked,
		    0, NULL), OK);
		assert_int_equal(policy_right(&rules, &scene.rep, &it, BLOCK_DEALS), cases[i].right);
		policy_release(&rules);
	}
}

static void
too_many_rules_are_refused_and_grant_nothing(void **unused)
{
	struct statement *many = calloc(RULES_MAX, sizeof(*many));
	struct subject rep = { .person = make_id(1, 0), .role = ROLE_REP };
	struct assignment it = { .client = make_id(2, 0), .owner = make_id(1, 0) };
	struct rules rules = { 0 };
	struct err err = { 0 };

	(void)unused;
	for (size_t i = 0; i < RULES_MAX; i++)
		many[i] = (struct statement){ .dot = { 1, i + 1 }, .epoch = 1,
			.person = rep.person, .selector = client(i % 200), .blocks = BLOCKS_ALL,
			.right = RIGHT_SEE, .revoke = i % 2 };
	assert_int_equal(policy_fold(&rules, &rep, many, RULES_MAX - 2, 1, 0, &err), OK);
	assert_int_equal(rules.count, RULES_MAX);
	policy_release(&rules);
	assert_int_equal(policy_fold(&rules, &rep, many, RULES_MAX - 1, 1, 0, &err), ERR_INVALID);
	assert_int_equal(rules.count, 0);
	assert_int_equal(policy_right(&rules, &rep, &it, BLOCK_DEALS), RIGHT_NONE);
	/* Others' statements are no burden. */
	for (size_t i = 0; i < RULES_MAX; i++)
		many[i].person = make_id(1, 1);
	assert_int_equal(policy_fold(&rules, &rep, many, RULES_MAX, 1, 0, &err), OK);
	assert_int_equal(rules.count, 2);
	policy_release(&rules);
	free(many);
}

static void
a_node_is_back_when_a_grant_follows_every_revoke(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	for (size_t i = 0; i < 5; i++) {
		tell(&scene, all, BLOCKS_ALL, RIGHT_NONE, 0);
		scene.said[i].person = (struct id){ 0 };
		scene.said[i].node = 0xabc;
	}
	assert_false(policy_node_revoked(scene.said, 0, 0xabc, 1));
	assert_false(policy_node_revoked(scene.said, 1, 0xabd, 1));
	assert_false(policy_node_revoked(scene.said, 1, 0, 1));
	assert_false(policy_node_revoked(scene.said, 1, 0xabc, 0));
	assert_true(policy_node_revoked(scene.said, 1, 0xabc, 1));
	scene.said[0].hold_ms = 7;
	assert_false(policy_node_revoked(scene.said, 1, 0xabc, 1));
	scene.said[0].hold_ms = 0;
	/* It is no revoke of anybody's rights. */
	assert_int_equal(may(&scene, 1, true, BLOCK_DEALS), RIGHT_EDIT);
	/* A grant beside the first revoke, then one that follows it. */
	scene.said[1].revoke = false;
	assert_true(policy_node_revoked(scene.said, 2, 0xabc, 1));
	scene.said[1].after[0] = scene.said[0].dot;
	scene.said[1].after_count = 1;
	assert_false(policy_node_revoked(scene.said, 2, 0xabc, 1));
	scene.said[1].epoch = 2;
	assert_true(policy_node_revoked(scene.said, 2, 0xabc, 1));
	scene.said[1].epoch = 1;
	/* A second revoke; two grants that follow one revoke each are not enough. */
	assert_true(policy_node_revoked(scene.said, 3, 0xabc, 1));
	scene.said[3].revoke = false;
	scene.said[3].after[0] = scene.said[2].dot;
	scene.said[3].after_count = 1;
	assert_true(policy_node_revoked(scene.said, 4, 0xabc, 1));
	scene.said[4].revoke = false;
	scene.said[4].after[0] = scene.said[1].dot;
	scene.said[4].after[1] = scene.said[3].dot;
	scene.said[4].after_count = 2;
	assert_false(policy_node_revoked(scene.said, 5, 0xabc, 1));
}

static void
a_grant_need_not_follow_holds_or_what_is_said_of_other_nodes(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_init(&scene);
	for (size_t i = 0; i < 5; i++) {
		tell(&scene, all, BLOCKS_ALL, RIGHT_NONE, i == 1);
		scene.said[i].person = (struct id){ 0 };
		scene.said[i].node = 0xabc;
	}
	/* Revoked, given back; then another node, a hold, and what is not sealed yet. */
	scene.said[1].revoke = false;
	scene.said[2].node = 0xabd;
	scene.said[3].hold_ms = 7;
	scene.said[4].epoch = 2;
	assert_false(policy_node_revoked(scene.said, 5, 0xabc, 1));
	assert_true(policy_node_revoked(scene.said, 5, 0xabd, 1));
	assert_true(policy_node_revoked(scene.said, 5, 0xabc, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allowed_by_default),
		cmocka_unit_test(revoking_a_client_carves_it_out_of_own),
		cmocka_unit_test(revoking_own_leaves_a_direct_grant),
		cmocka_unit_test(overlapping_grants_go_one_by_one),
		cmocka_unit_test(revoking_all_takes_everything),
		cmocka_unit_test(a_regrant_must_follow_the_revoke),
		cmocka_unit_test(following_goes_through_statements_about_others),
		cmocka_unit_test(a_writer_follows_himself),
		cmocka_unit_test(an_empty_name_selects_nobody),
		cmocka_unit_test(a_revoke_takes_the_blocks_it_names),
		cmocka_unit_test(only_who_may_reassign_writes_the_assignment),
		cmocka_unit_test(no_grant_opens_a_common_shard),
		cmocka_unit_test(roles_come_with_their_capabilities),
		cmocka_unit_test(capabilities_are_given_and_taken_one_by_one),
		cmocka_unit_test(only_sealed_statements_count),
		cmocka_unit_test(too_many_rules_are_refused_and_grant_nothing),
		cmocka_unit_test(a_node_is_back_when_a_grant_follows_every_revoke),
		cmocka_unit_test(a_grant_need_not_follow_holds_or_what_is_said_of_other_nodes),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
