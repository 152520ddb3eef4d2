/* SPDX-License-Identifier: GPL-2.0 */
/*
 * grammar.y: the language, a statement after another. man/sluice-policy.5 explains it.
 *
 * What a rule does stands in build*.c. Lists are collected in the struct document and
 * move into the tree when their statement is complete, so that a mistake in the middle
 * leaves nothing half built. Mistakes are made good at the next ";" or "}".
 */
%code requires {
#include "policy/parser.h"
}

%code {
#include "policy/build.h"
#include "policy/tokens.h"

void policy_yyerror(struct place *at, struct document *doc, const char *message);

/* Most rules have one part. */
#define YYLLOC_DEFAULT(whole, parts, n) \
	((whole) = (n) == 1 ? YYRHSLOC(parts, 1) : \
		   (n) ? place_between(YYRHSLOC(parts, 1), YYRHSLOC(parts, n)) : \
			 place_behind(YYRHSLOC(parts, 0)))
}

%define api.pure full
%define api.prefix {policy_yy}
%define api.token.prefix {TOKEN_}
%define api.location.type {struct place}
%define parse.error custom
%define parse.lac full
%locations
%param { struct document *doc }
%initial-action { @$ = (struct place){ .source = doc->source, .line = 1, .column = 1, .width = 1 }; }

/* Moved at every step: what is large stands in the arena. */
%union {
	struct word word;
	struct prefix prefix;
	uint64_t number;
	struct quantity quantity;
	struct policy_value value;
	struct policy_port_ref ref;
	struct policy_leg *leg;
	struct policy_group *group;
	enum policy_mode mode;
	enum policy_field field;
	enum policy_compare compare;
	struct mask mask;
	struct policy_predicate *predicate;
	struct policy_action *action;
	struct policy_assert *claim;
}

%token END 0 "the end of the file"
%token <word> NAME "a name" FIELD "a field" STRING "a string"
%token <prefix> ADDRESS "an address"
%token <number> NUMBER "a number" MAC "a link-layer address"
%token <quantity> QUANTITY "a quantity"
%token BAD_ADDRESS BAD_QUANTITY BAD_STRING BAD_BYTES

/* A statement begins with one of these. */
%token PORT "port" LET "let" INCLUDE "include" ROUTE "route" MULTICAST "multicast" MEASURE "measure"
%token FILTER "filter" SET "set" ASSERT "assert" FEED "feed"

/* Not to be had as names. */
%token FROM "from" TO "to" HOST "host" IF "if" UNLESS "unless" IN "in"
%token <word> IP4 "ip4" IP6 "ip6" TCP "tcp" UDP "udp" ICMP "icmp" IGMP "igmp" ARP "arp"

%token EQUAL "==" UNEQUAL "!=" AT_MOST "<=" AT_LEAST ">=" ARROW "->"

%token OR "or" AND "and" NOT "not"
%left OR
%left AND
%precedence NOT

/* Words of the language where it looks for them, and names elsewhere. */
%token <word> MODE "mode" NATIVE "native" GENERIC "generic" MAIN "main" TABLE "table" VRF "vrf"
	LIMIT "limit" VLAN "vlan" TTL "ttl" BY "by" THRESHOLD "threshold"
	OVERSAMPLING "oversampling" INTERVAL "interval" SLOTS "slots"
	SIZE "size" TIMEOUT "timeout" SOCKET "socket"
	ALLOW "allow" DROP "drop" COUNT "count" POLICE "police" BURST "burst" PER "per"
	INSERT "insert" INTO "into" EMIT "emit" MARK "mark"
	ISOLATED "isolated" REACHABLE "reachable" NEVER "never" REACHES "reaches"
	COVERED "covered" ALIKE "equal" POLICY "policy" VIA "via" ELSE "else" ON "on"
	PREFIXES "prefixes" NEXT_HOPS "next-hops"
	FOR "for" RPF "rpf" STRICT "strict" LOOSE "loose" ANTI_SPOOF "anti-spoof" BOGONS "bogons"
	EXCEPT "except"

%type <word> name
%type <mode> mode
%type <value> value constant
%type <group> source group
%type <ref> ref
%type <leg> leg
%type <quantity> quantity
%type <word> bare
%type <field> field
%type <value> operand sum
%type <mask> mask
%type <compare> comparison
%type <predicate> predicate test condition
%type <action> action police
%type <claim> claim target unless

%%

policy:
	%empty
|	policy statement
;

statement:
	';'
|	PORT name '=' STRING mode ';'	{ build_port(doc, $2, @2, $4, @4, $5); }
|	PORT name error ';'		{ build_broken_port(doc, $2, @2); tokens_resync(doc); yyerrok; }
|	LET name '=' values ';'		{ build_let(doc, $2, @2); }
|	LET name '=' predicate ';'	{ build_let_predicate(doc, $2, @2, $4); }
|	LET name error ';'		{ build_broken_let(doc, $2, @2); tokens_resync(doc); yyerrok; }
|	INCLUDE STRING ';'		{ build_include(doc, $2, @2); }
|	ROUTE route limits ';'		{ build_route(doc, place_between(@1, @2)); }
|	ROUTE route limits '{' source_checks '}'
					{ build_route(doc, place_between(@1, @2)); }
|	ROUTE route limits '{' source_checks error '}'
					{ build_route(doc, place_between(@1, @2));
					  tokens_recovered(doc); yyerrok; }
|	ROUTE ADDRESS hops ';'		{ build_static(doc, &$2, @2); }
|	ROUTE ADDRESS DROP ';'		{ build_static(doc, &$2, @2); }
|	ROUTE BAD_ADDRESS hops ';'
|	ROUTE BAD_ADDRESS DROP ';'
|	COUNT PREFIXES '{' counted '}' ';'
|	COUNT NEXT_HOPS ';'		{ build_counted_hops(doc, place_between(@1, @2)); }
|	MULTICAST '{' groups '}'
|	MULTICAST '{' groups error '}'	{ tokens_recovered(doc); yyerrok; }
|	MEASURE name BY '(' fields ')' '{' settings '}'
					{ build_measure(doc, $2, @2); }
|	MEASURE name BY '(' fields ')' '{' settings error '}'
					{ build_measure(doc, $2, @2); tokens_recovered(doc); yyerrok; }
|	SET name ':' field sizes ';'	{ build_set(doc, $2, @2, $4, @4); }
|	SET name error ';'		{ build_broken_set(doc, $2, @2); tokens_resync(doc); yyerrok; }
|	filter '{' rules '}'
|	filter '{' rules error '}'	{ tokens_recovered(doc); yyerrok; }
|	ASSERT claim ';'		{ build_assert(doc, $2, place_between(@1, @2)); }
|	error ';'			{ tokens_resync(doc); yyerrok; }
|	error '}'			{ tokens_resync(doc); yyerrok; }
;

/* ---- names and values --------------------------------------------------- */

name:
	NAME
|	MODE | NATIVE | GENERIC | MAIN | TABLE | VRF | LIMIT | VLAN | TTL | BY | THRESHOLD
|	OVERSAMPLING | INTERVAL | SLOTS | SIZE | TIMEOUT | SOCKET
|	ALLOW | DROP | COUNT | POLICE | BURST | PER | INSERT | INTO | EMIT | MARK
|	ISOLATED | REACHABLE | NEVER | REACHES | COVERED | ALIKE | POLICY
|	VIA | ELSE | ON | PREFIXES | NEXT_HOPS | FOR | RPF | STRICT | LOOSE | ANTI_SPOOF | BOGONS | EXCEPT
;

/* A name alone is read as a predicate: what it is turns out when all names are known. */
values:
	constant			{ build_first_value(doc, &$1); }
|	'{' value_list '}'
;

value_list:
	one_value
|	value_list ',' value		{ build_value(doc, &$3); }
;

one_value:
	value				{ build_first_value(doc, &$1); }
;

value:
	constant
|	name				{ $$ = value_let(doc, $1, @$); }
;

constant:
	ADDRESS				{ $$ = value_prefix($1, @$); }
|	ADDRESS '-' ADDRESS		{ $$ = value_addresses(doc, &$1, &$3, @$); }
|	NUMBER				{ $$ = value_numbers(doc, $1, $1, @$); }
|	NUMBER '-' NUMBER		{ $$ = value_numbers(doc, $1, $3, @$); }
|	MAC				{ $$ = value_mac($1, @$); }
|	BAD_ADDRESS			{ $$ = (struct policy_value){ .place = @$ }; }
;

quantity:
	QUANTITY
|	NUMBER				{ $$ = quantity_whole($1); }
;

field:
	FIELD				{ $$ = find_field(doc, $1, @1); }
|	IN				{ $$ = FIELD_IN; }
|	SOCKET				{ $$ = FIELD_SOCKET; }
;

/* ---- port --------------------------------------------------------------- */

mode:
	%empty				{ $$ = PORT_NATIVE; }
|	MODE NATIVE			{ $$ = PORT_NATIVE; }
|	MODE GENERIC			{ $$ = PORT_GENERIC; }
;

/* ---- route -------------------------------------------------------------- */

route:
	MAIN				{ build_table(doc, TABLE_MAIN, NULL, @1, 0, @1); }
|	TABLE NUMBER			{ build_table(doc, TABLE_NUMBER, NULL, @1, $2, @2); }
|	TABLE NUMBER FOR from		{ build_table(doc, TABLE_NUMBER, NULL, @1, $2, @2);
					  build_table_ports(doc); }
|	VRF name TABLE NUMBER		{ build_table(doc, TABLE_VRF, &$2, @2, $4, @4); }
;

source_checks:
	%empty
|	source_checks source_check
|	source_checks error ';'		{ tokens_recovered(doc); yyerrok; }
;

source_check:
	RPF STRICT ON from ';'		{ build_source_check(doc, SOURCE_RPF, place_between(@1, @2)); }
|	RPF LOOSE ON from ';'		{ build_source_check(doc, SOURCE_RPF_LOOSE, place_between(@1, @2)); }
|	ANTI_SPOOF ON from ';'		{ build_source_check(doc, SOURCE_ANTI_SPOOF, @1); }
|	bogons ON from ';'		{ build_source_check(doc, SOURCE_BOGONS, @1); }
;

bogons:
	BOGONS				{ build_bogons(doc); }
|	bogons AND name			{ bogons_and(doc, $3, @3); }
|	bogons EXCEPT name		{ bogons_except(doc, $3, @3); }
;

limits:
	%empty
|	LIMIT limit_list
;

limit_list:
	limit
|	limit_list limit
;

limit:
	IP4 NUMBER			{ build_limit(doc, ADDR_V4, $2, @1, @2); }
|	IP6 NUMBER			{ build_limit(doc, ADDR_V6, $2, @1, @2); }
;

/* Those of the statement before, complete or not, are forgotten where the first one begins. */
hops:
	VIA first_hop hop
|	hops ELSE hop
;

first_hop:
	%empty				{ build_hops(doc); }
;

hop:
	ADDRESS ON ref			{ build_hop(doc, &$1, &$3, @1); }
|	BAD_ADDRESS ON ref
|	ref				{ build_hop(doc, NULL, &$1, @1); }
;

counted:
	counted_prefix
|	counted ',' counted_prefix
;

counted_prefix:
	ADDRESS				{ build_counted(doc, &$1, @1); }
|	BAD_ADDRESS
;

/* ---- multicast ---------------------------------------------------------- */

groups:
	%empty
|	groups group			{ build_group(doc, $2); }
|	groups error ';'		{ tokens_recovered(doc); yyerrok; }
;

group:
	'(' source ',' value ')' FROM from TO legs ';'
					{ $$ = $2; $$->group = $4; $$->place = place_between(@1, @5); }
;

source:
	'*'				{ $$ = new_node(doc, sizeof(*$$)); $$->any_source = true; }
|	value				{ $$ = new_node(doc, sizeof(*$$)); $$->source = $1; }
;

from:
	ref				{ build_first_from(doc, &$1); }
|	from ',' ref			{ build_from(doc, &$3); }
;

ref:
	name				{ $$ = build_ref(doc, $1, @1); }
;

legs:
	leg				{ build_first_leg(doc, $1); }
|	legs ',' leg			{ build_leg(doc, $3); }
;

leg:
	HOST				{ $$ = new_node(doc, sizeof(*$$)); $$->host = true; $$->place = @1; }
|	ref				{ $$ = new_node(doc, sizeof(*$$)); $$->to = $1; $$->place = @1; }
|	leg VLAN NUMBER			{ $$ = $1; leg_vlan(doc, $$, $3, @2, @3); }
|	leg TTL NUMBER			{ $$ = $1; leg_ttl(doc, $$, $3, @2, @3); }
;

/* ---- measure ------------------------------------------------------------ */

fields:
	FIELD				{ build_first_field(doc, $1, @1); }
|	fields ',' FIELD		{ build_field(doc, $3, @3); }
;

settings:
	%empty
|	settings setting
|	settings error ';'		{ tokens_recovered(doc); yyerrok; }
;

setting:
	THRESHOLD quantity ';'		{ set_threshold(doc, &$2, @1, @2); }
|	OVERSAMPLING quantity ';'	{ set_oversampling(doc, &$2, @1, @2); }
|	INTERVAL quantity ';'		{ set_interval(doc, &$2, @1, @2); }
|	SLOTS quantity ';'		{ set_slots(doc, &$2, @1, @2); }
;

/* ---- predicates --------------------------------------------------------- */

predicate:
	predicate OR predicate		{ $$ = predicate_join(doc, PREDICATE_OR, $1, $3, @$); }
|	predicate AND predicate		{ $$ = predicate_join(doc, PREDICATE_AND, $1, $3, @$); }
|	NOT predicate			{ $$ = predicate_join(doc, PREDICATE_NOT, $2, NULL, @$); }
|	'(' predicate ')'		{ $$ = $2; }
|	name				{ $$ = predicate_name(doc, $1, @1); }
|	bare				{ $$ = predicate_name(doc, $1, @1); }
|	test
;

bare:
	IP4 | IP6 | TCP | UDP | ICMP | IGMP | ARP
;

test:
	field mask comparison sum	{ build_first_value(doc, &$4);
					  $$ = predicate_test(doc, $1, $2, $3, @$); }
|	field mask IN sum		{ build_first_value(doc, &$4);
					  $$ = predicate_test(doc, $1, $2, COMPARE_IN, @$); }
|	field mask IN '{' error '}'	{ $$ = predicate_broken(doc, @$); tokens_recovered(doc); yyerrok; }
|	field mask IN '{' sums '}'	{ $$ = predicate_test(doc, $1, $2, COMPARE_IN, @$); }
;

/* Behind a field: $0. */
mask:
	%empty				{ $$ = (struct mask){ .bits = UINT64_MAX }; }
|	'&' operand			{ $$ = mask_of(doc, $<field>0, &$2, @2); }
|	'&' '(' sum ')'			{ $$ = mask_of(doc, $<field>0, &$3, @3); }
;

comparison:
	EQUAL				{ $$ = COMPARE_EQUAL; }
|	UNEQUAL				{ $$ = COMPARE_UNEQUAL; }
|	'<'				{ $$ = COMPARE_LESS; }
|	AT_MOST				{ $$ = COMPARE_AT_MOST; }
|	'>'				{ $$ = COMPARE_GREATER; }
|	AT_LEAST			{ $$ = COMPARE_AT_LEAST; }
;

sums:
	sum				{ build_first_value(doc, &$1); }
|	sums ',' sum			{ build_value(doc, &$3); }
;

sum:
	operand
|	sum '|' operand			{ $$ = value_or(doc, &$1, &$3, @$); }
;

/* What is a test by itself may be a word for a value, too: ip.proto == tcp. */
operand:
	constant
|	name				{ $$ = value_let(doc, $1, @1); }
|	bare				{ $$ = value_let(doc, $1, @1); }
;

/* ---- set ---------------------------------------------------------------- */

sizes:
	%empty				{ build_sizes(doc); }
|	sizes SIZE quantity		{ set_size(doc, &$3, @2, @3); }
|	sizes TIMEOUT quantity		{ set_timeout(doc, &$3, @2, @3); }
;

/* ---- filter ------------------------------------------------------------- */

filter:
	FILTER from			{ build_filter(doc, place_between(@1, @2)); }
;

/* Behind each of these a rule may stand. */
rules:
	%empty				{ doc->at_rule = true; }
|	rules rule			{ doc->at_rule = true; }
|	rules error ';'			{ tokens_recovered(doc); doc->at_rule = true; yyerrok; }
;

rule:
	actions ';'			{ build_rule(doc, NULL, @1); }
|	actions condition ';'		{ build_rule(doc, $2, place_between(@1, @2)); }
;

condition:
	IF predicate			{ $$ = $2; }
;

actions:
	action				{ build_first_action(doc, $1); }
|	actions ',' action		{ build_action(doc, $3); }
;

action:
	ALLOW				{ $$ = action_plain(doc, DO_ALLOW, @$); }
|	DROP				{ $$ = action_plain(doc, DO_DROP, @$); }
|	COUNT STRING			{ $$ = action_text(doc, DO_COUNT, $2, @2, @$); }
|	EMIT STRING			{ $$ = action_text(doc, DO_EMIT, $2, @2, @$); }
|	MARK NUMBER			{ $$ = action_mark(doc, $2, @2, @$); }
|	INSERT field INTO name		{ $$ = action_insert(doc, $2, @2, $4, @4, @$); }
|	police				{ $$ = $1; police_default($$); }
;

police:
	POLICE quantity			{ $$ = action_police(doc, &$2, @2, @$); }
|	police BURST quantity		{ $$ = $1; police_burst(doc, $$, &$3, @2, @3, @$); }
|	police PER field		{ $$ = $1; police_per(doc, $$, $3, @2, @3, @$); }
;

/* ---- assert ------------------------------------------------------------- */

claim:
	ISOLATED ref ARROW target unless
					{ $$ = claim_path(ASSERT_ISOLATED, &$2, $4, $5); }
|	REACHABLE ref ARROW target unless
					{ $$ = claim_path(ASSERT_REACHABLE, &$2, $4, $5); }
|	NEVER predicate REACHES target	{ $$ = $4; $$->kind = ASSERT_NEVER; $$->predicate = $2; }
|	COVERED				{ $$ = new_claim(doc, ASSERT_COVERED); }
|	ALIKE POLICY STRING STRING	{ $$ = claim_policies(doc, $3, @3, $4, @4); }
|	ALIKE ref ref			{ $$ = new_claim(doc, ASSERT_EQUAL); $$->from = $2; $$->to = $3; }
;

target:
	HOST				{ $$ = new_node(doc, sizeof(*$$)); $$->host = true; }
|	ref				{ $$ = new_node(doc, sizeof(*$$)); $$->to = $1; }
;

unless:
	%empty				{ $$ = NULL; }
|	IF predicate			{ $$ = new_node(doc, sizeof(*$$)); $$->predicate = $2; }
|	UNLESS predicate		{ $$ = new_node(doc, sizeof(*$$)); $$->predicate = $2;
					  $$->unless = true; }
;

%%

void policy_yyerror(struct place *at, struct document *doc, const char *message)
{
	/* The one thing that bison says by itself is that its stack is full. */
	(void)message;
	diag_error(doc->parser->diags, *at, "this is nested too deeply");
}

/* The names of the tokens that could stand here, as the table above writes them. */
static int yyreport_syntax_error(const yypcontext_t *context, struct document *doc)
{
	struct unexpected u = { .place = *yypcontext_location(context) };
	yysymbol_kind_t expected[YYNTOKENS];
	int n = yypcontext_expected_tokens(context, expected, YYNTOKENS);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		u.expected[u.count++] = yysymbol_name(expected[i]);
	u.got = yysymbol_name(yypcontext_token(context));
	tokens_report(doc, &u);
	return 0;
}
