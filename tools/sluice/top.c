// SPDX-License-Identifier: GPL-2.0
/*
 * sluice top: heavy flows, ports, groups and drops on one screen, kept up to date.
 *
 * Each round asks for everything, makes the four tables as text, and shows as much of them
 * as there is room for: on the first tab a share of each, on the others one of them whole, which
 * the arrows move. Rates are the difference of two rounds; flows come with the rate that
 * was measured. Where standard output is no terminal, one round is printed plainly.
 */
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "columns.h"
#include "flow.h"

#define FLOWS_SHOWN	200

enum section { FLOWS, PORTS, GROUPS, DROPS, SECTIONS };

static const char *const section_names[SECTIONS] = { "flows", "ports", "groups", "drops" };

struct section_view {
	struct columns table;
	struct text note;	/* what stands above the table */
	struct vec lines;	/* of char *: the table as text, heads first */
};

struct top {
	const struct cli *cli;
	struct ask ask;
	bool away;		/* the daemon was there, and is not */
	json_t *status;
	struct section_view section[SECTIONS];
	/* key -> {"packets", "bytes"}: counts of this round and of the one before */
	json_t *now, *before;
	double seconds;		/* between the two, 0 in the first round */
	struct timespec at;
	int tab;		/* 0: all; else 1 + section */
	size_t scroll;		/* of the section that is shown whole */
};

/* ---- rates ----------------------------------------------------------------- */

/* Notes a count, and gives its rate since the last round, 0 in the first. */
static double rate(struct top *t, const char *key, const char *what, long long count)
{
	char name[256];
	json_t *old;

	snprintf(name, sizeof(name), "%s %s", key, what);
	json_object_set_new(t->now, name, json_integer(count));
	old = json_object_get(t->before, name);
	if (!old || t->seconds <= 0 || count < json_integer_value(old))
		return 0;
	return (count - json_integer_value(old)) / t->seconds;
}

static void rate_cells(struct top *t, struct columns *c, const char *key, const json_t *count)
{
	char packets[8], bytes[8];

	quantity_format(rate(t, key, "packets", field_number(count, "packets")), packets);
	quantity_format(rate(t, key, "bytes", field_number(count, "bytes")), bytes);
	columns_cell(c, "%s", packets);
	columns_cell(c, "%s", bytes);
}

/* ---- one round -------------------------------------------------------------- */

static void take_status(void *arg, const json_t *o, const char *line)
{
	struct top *t = arg;

	(void)line;
	json_decref(t->status);
	t->status = json_incref((json_t *)o);
}

/* How far the estimate may be off, of itself. */
static const char *bound(const json_t *flow, char buf[32])
{
	double bytes = field_real(flow, "bytes"), low = bytes - field_real(flow, "low");
	double high = field_real(flow, "high") - bytes;

	if (field_true(flow, "exact") || bytes <= 0)
		return "exact";
	snprintf(buf, 32, "within %.2g%%", 100 * (low > high ? low : high) / bytes);
	return buf;
}

static void take_flow(void *arg, const json_t *o, const char *line)
{
	struct top *t = arg;
	struct section_view *s = &t->section[FLOWS];
	char bytes[8], second[8], within[32];

	(void)line;
	if (!strcmp(field_text(o, "object"), "measure")) {
		flow_heading(o, &s->note);
		return;
	}
	quantity_format(field_real(o, "rate_Bps"), second);
	quantity_format(field_real(o, "bytes"), bytes);
	columns_cell(&s->table, "%s", second);
	columns_cell(&s->table, "%s", bytes);
	columns_cell(&s->table, "%s", bound(o, within));
	flow_cell(o, &s->table);
}

static void take_port(void *arg, const json_t *o, const char *line)
{
	struct top *t = arg;
	struct columns *c = &t->section[PORTS].table;
	char key[80];

	(void)line;
	columns_cell(c, "%s", field_text(o, "name"));
	columns_cell(c, "%s", field_text(o, "interface"));
	columns_cell(c, "%s", field_true(o, "up") ? "up" : "down");
	snprintf(key, sizeof(key), "rx %s", field_text(o, "name"));
	rate_cells(t, c, key, json_object_get(o, "rx"));
	snprintf(key, sizeof(key), "tx %s", field_text(o, "name"));
	rate_cells(t, c, key, json_object_get(o, "tx"));
}

static void take_group(void *arg, const json_t *o, const char *line)
{
	struct top *t = arg;
	struct columns *c = &t->section[GROUPS].table;
	char key[200], leg_key[250];
	json_t *leg;
	size_t i;

	(void)line;
	snprintf(key, sizeof(key), "(%s, %s) from %s", field_text(o, "source"),
		 field_text(o, "group"), field_text(o, "from"));
	columns_cell(c, "%s", key);
	columns_cell(c, " ");
	rate_cells(t, c, key, o);
	json_array_foreach(json_object_get(o, "legs"), i, leg) {
		columns_cell(c, "  to %s", field_text(leg, "to"));
		columns_cell(c, "%s", json_is_false(json_object_get(leg, "up")) ? "down" : "up");
		snprintf(leg_key, sizeof(leg_key), "%s to %s", key, field_text(leg, "to"));
		rate_cells(t, c, leg_key, leg);
	}
}

static void take_drop(void *arg, const json_t *o, const char *line)
{
	struct top *t = arg;
	struct columns *c = &t->section[DROPS].table;
	long long packets = field_number(o, "packets");
	char key[200], second[8];

	(void)line;
	if (!packets)
		return;
	snprintf(key, sizeof(key), "drop %s %s", field_text(o, "name"), field_text(o, "port"));
	quantity_format(rate(t, key, "packets", packets), second);
	columns_cell(c, "%s", second);
	columns_cell(c, "%lld", packets);
	columns_cell(c, "%s", field_text(o, "port"));
	columns_cell(c, "%s", field_text(o, "name"));
	columns_cell(c, "%s", field_text(o, "what"));
}

static void begin_sections(struct top *t)
{
	static const char *const flows[] = { ">BYTES/S", ">BYTES", "BOUND", "FLOW", NULL };
	static const char *const ports[] = { "PORT", "INTERFACE", "STATE", ">RX-PKT/S", ">RX-B/S",
					     ">TX-PKT/S", ">TX-B/S", NULL };
	static const char *const groups[] = { "GROUP", "STATE", ">PKT/S", ">B/S", NULL };
	static const char *const drops[] = { ">PKT/S", ">PACKETS", "PORT", "REASON", "WHAT", NULL };
	static const char *const *const heads[] = { flows, ports, groups, drops };

	for (int i = 0; i < SECTIONS; i++) {
		struct section_view *s = &t->section[i];

		for (size_t l = 0; l < s->lines.len; l++)
			free(*(char **)vec_at(&s->lines, l));
		vec_free(&s->lines);
		s->lines = VEC(char *);
		s->note.len = 0;
		columns_init(&s->table, heads[i]);
	}
}

static void begin_rates(struct top *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	t->seconds = t->before ? now.tv_sec - t->at.tv_sec + (now.tv_nsec - t->at.tv_nsec) / 1e9 : 0;
	t->at = now;
	json_decref(t->before);
	t->before = t->now;
	t->now = json_object();
}

static int ask_for(struct top *t, json_t *request, ask_take *take)
{
	int code = ask_send(&t->ask, request);

	return code == CLI_OK ? ask_receive(&t->ask, take, t) : code;
}

static int ask_all(struct top *t)
{
	int code = ask_for(t, json_pack("{ss}", "show", "status"), take_status);

	begin_rates(t);
	begin_sections(t);
	if (code == CLI_OK)
		code = ask_for(t, json_pack("{ss si}", "show", "flow", "limit", FLOWS_SHOWN), take_flow);
	if (code == CLI_OK)
		code = ask_for(t, json_pack("{ss}", "show", "port"), take_port);
	if (code == CLI_OK)
		code = ask_for(t, json_pack("{ss}", "show", "group"), take_group);
	if (code == CLI_OK)
		code = ask_for(t, json_pack("{ss ss}", "show", "counter", "kind", "drop"), take_drop);
	for (int i = 0; i < SECTIONS; i++)
		columns_lines(&t->section[i].table, &t->section[i].lines);
	return code;
}

/* ---- the screen --------------------------------------------------------------- */

static void headline(const struct top *t, struct text *out)
{
	const json_t *routes = json_object_get(t->status, "routes");
	char since[32];

	if (t->away) {
		text_printf(out, "sluice  sluiced is away; what it loaded goes on without it");
		return;
	}
	text_printf(out, "sluice  generation %lld for %s  routes %lld ip4, %lld ip6",
		    field_number(t->status, "generation"),
		    duration_format(time(NULL) - field_number(t->status, "since"), since),
		    field_number(routes, "ip4"), field_number(routes, "ip6"));
	if (json_array_size(json_object_get(t->status, "notes")))
		text_printf(out, "  not all is as asked: see sluice status");
}

static void draw_tabs(const struct top *t, int row)
{
	move(row, 0);
	for (int i = 0; i <= SECTIONS; i++) {
		if (i == t->tab)
			attron(A_REVERSE);
		printw(" %s ", i ? section_names[i - 1] : "all");
		attroff(A_REVERSE);
	}
	printw("  tab: next  arrows: move  q: quit");
}

/* Draws a section into rows @row to @end - 1. Return: the row behind it. */
static int draw_section(struct top *t, enum section which, int row, int end, size_t scroll)
{
	const struct section_view *s = &t->section[which];
	char **lines = s->lines.data;

	if (row < end) {
		attron(A_BOLD);
		mvaddnstr(row++, 0, s->note.len ? text_string(&s->note) : section_names[which],
			  COLS);
		attroff(A_BOLD);
	}
	if (!s->lines.len && row < end)
		mvaddnstr(row++, 0, "  none", COLS);
	if (s->lines.len && row < end) {
		attron(A_UNDERLINE);
		mvaddnstr(row++, 0, lines[0], COLS);
		attroff(A_UNDERLINE);
	}
	for (size_t i = 1 + scroll; i < s->lines.len && row < end; i++)
		mvaddnstr(row++, 0, lines[i], COLS);
	return row;
}

/* Rows that a section would fill. */
static int section_rows(const struct top *t, int i)
{
	return (t->section[i].lines.len ? t->section[i].lines.len : 1) + 1;
}

/* All sections: those that need little get what they need, the others share the rest. */
static void draw_all(struct top *t, int row)
{
	int room = LINES - row, open = SECTIONS, give[SECTIONS] = { 0 };

	for (bool changed = true; changed && open;) {
		int share = room / open;

		changed = false;
		for (int i = 0; i < SECTIONS; i++) {
			if (give[i] || section_rows(t, i) + 1 > share)
				continue;
			give[i] = section_rows(t, i) + 1;
			room -= give[i];
			open--;
			changed = true;
		}
	}
	for (int i = 0; i < SECTIONS; i++) {
		int rows = give[i] ? give[i] : room / (open ? open : 1);

		draw_section(t, i, row, row + rows - 1, 0);
		row += rows;
	}
}

static void draw(struct top *t)
{
	struct text head = { 0 };

	erase();
	headline(t, &head);
	attron(A_BOLD);
	mvaddnstr(0, 0, text_string(&head), COLS);
	attroff(A_BOLD);
	text_free(&head);
	draw_tabs(t, 1);
	if (t->tab) {
		size_t lines = t->section[t->tab - 1].lines.len;
		size_t last = lines > 1 ? lines - 2 : 0;

		if (t->scroll > last)
			t->scroll = last;
		draw_section(t, t->tab - 1, 3, LINES, t->scroll);
	} else {
		draw_all(t, 3);
	}
	refresh();
}

static void scroll_by(struct top *t, long lines)
{
	if (lines < 0 && t->scroll < (size_t)-lines)
		t->scroll = 0;
	else
		t->scroll += lines;
}

static void change_tab(struct top *t, int by)
{
	t->tab = (t->tab + by + SECTIONS + 1) % (SECTIONS + 1);
	t->scroll = 0;
}

/* Return: false to quit. */
static bool take_key(struct top *t, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
	case 3:
		return false;
	case '\t':
	case KEY_RIGHT:
		change_tab(t, 1);
		break;
	case KEY_BTAB:
	case KEY_LEFT:
		change_tab(t, -1);
		break;
	case KEY_UP:
		scroll_by(t, -1);
		break;
	case KEY_DOWN:
		scroll_by(t, 1);
		break;
	case KEY_PPAGE:
		scroll_by(t, -(LINES - 6));
		break;
	case KEY_NPAGE:
		scroll_by(t, LINES - 6);
		break;
	case KEY_HOME:
		t->scroll = 0;
		break;
	}
	return true;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* A round; a daemon that goes away is waited for, as long as one was there. */
static int ask_again(struct top *t)
{
	int code = CLI_OK;

	if (t->away) {
		ask_close(&t->ask);
		code = ask_open(&t->ask, t->cli);
	}
	if (code == CLI_OK)
		code = ask_all(t);
	t->away = code == CLI_UNREACHABLE && t->status;
	return t->away ? CLI_OK : code;
}

/* Rounds and keys, until q or an error. */
static int run(struct top *t, int interval_ms)
{
	for (;;) {
		long long next = now_ms() + interval_ms;
		int code = ask_again(t);

		if (code != CLI_OK)
			return code;
		for (;;) {
			long long left = next - now_ms();
			int key;

			draw(t);
			if (left <= 0)
				break;
			timeout(left > 1000000 ? 1000000 : (int)left);
			key = getch();
			if (key == ERR && now_ms() >= next)
				break;
			if (key != ERR && !take_key(t, key))
				return CLI_OK;
		}
	}
}

static int show_screen(struct top *t, int interval_ms)
{
	SCREEN *screen;
	int code;

	setlocale(LC_ALL, "");
	screen = newterm(NULL, stdout, stdin);	/* initscr() would end the program by itself */
	if (!screen) {
		cli_error("this terminal cannot be drawn on: set TERM, or pipe the output");
		return CLI_FAILED;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	code = run(t, interval_ms);
	endwin();
	delscreen(screen);
	return code;
}

/* ---- without a terminal --------------------------------------------------------- */

static void print_json(void *arg, const json_t *o, const char *line)
{
	ask_print_json(((struct top *)arg)->cli, o, line);
}

static int print_objects(struct top *t)
{
	static const char *const shows[] = { "status", "flow", "port", "group", "counter" };
	int code = CLI_OK;

	for (size_t i = 0; code == CLI_OK && i < sizeof(shows) / sizeof(shows[0]); i++)
		code = ask_for(t, json_pack("{ss}", "show", shows[i]), print_json);
	return code;
}

/* Two rounds, so that there are rates. */
static int print_once(struct top *t, int interval_ms)
{
	struct text head = { 0 };
	int code = ask_all(t);

	if (code == CLI_OK) {
		poll(NULL, 0, interval_ms);
		code = ask_all(t);
	}
	if (code != CLI_OK)
		return code;
	headline(t, &head);
	puts(text_string(&head));
	text_free(&head);
	for (int i = 0; i < SECTIONS; i++) {
		const struct section_view *s = &t->section[i];

		printf("\n%s\n", s->note.len ? text_string(&s->note) : section_names[i]);
		for (size_t l = 0; l < s->lines.len; l++)
			puts(*(char **)vec_at(&s->lines, l));
		if (!s->lines.len)
			puts("  none");
	}
	return CLI_OK;
}

int top(struct cli *cli, int argc, char **argv)
{
	const char *interval = "1";
	const struct cli_option own[] = {
		{ 'i', "interval", NULL, &interval },
		{ 0 },
	};
	struct top t = { .cli = cli };
	double seconds;
	char *end;
	int code;

	if (cli_no_arguments(cli, argc, argv, own) < 0)
		return CLI_USAGE;
	seconds = strtod(interval, &end);
	if (end == interval || *end || !(seconds >= 0.1 && seconds <= 3600))
		return cli_usage(cli, "--interval takes seconds, 0.1 to 3600, not \"%s\"", interval);
	code = ask_open(&t.ask, cli);
	if (code == CLI_OK && cli->json)
		code = print_objects(&t);
	else if (code == CLI_OK && cli->terminal && isatty(STDIN_FILENO))
		code = show_screen(&t, seconds * 1000);
	else if (code == CLI_OK)
		code = print_once(&t, seconds * 1000);
	ask_complain(&t.ask, code);
	ask_close(&t.ask);
	begin_sections(&t);
	for (int i = 0; i < SECTIONS; i++)
		text_free(&t.section[i].note);
	json_decref(t.status);
	json_decref(t.now);
	json_decref(t.before);
	return code;
}
