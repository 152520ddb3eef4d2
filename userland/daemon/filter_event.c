// SPDX-License-Identifier: GPL-2.0
#include "daemon/filter_event.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/text.h"
#include "image/image.h"
#include "policy/eval.h"
#include "policy/field.h"

static void print_text(const char *text, struct text *out)
{
	text_printf(out, ",\"text\":");
	json_append_text(out, text);
}

static void print_rule(const struct image *image, uint32_t number, bool with_text, struct text *out)
{
	const struct image_rule *rule = vec_at(&image->filter.rules, number);
	const char *colon = strrchr(rule->where, ':');
	struct text file = { 0 };

	text_append(&file, rule->where, colon ? (size_t)(colon - rule->where) : strlen(rule->where));
	text_printf(out, ",\"file\":");
	json_append_text(out, text_string(&file));
	text_printf(out, ",\"line\":%lu", colon ? strtoul(colon + 1, NULL, 10) : 0);
	text_free(&file);
	if (with_text)
		print_text(rule->text, out);
}

static void print_addresses(const struct filter_event *event, struct text *out)
{
	struct addr src = addr_from_bytes(event->family, event->source);
	struct addr dst = addr_from_bytes(event->family, event->destination);
	struct text proto = { 0 };
	char buf[ADDR_STRLEN];

	text_printf(out, ",\"src\":\"%s\"", addr_format(&src, buf));
	text_printf(out, ",\"dst\":\"%s\"", addr_format(&dst, buf));
	field_print(NULL, FIELD_IP_PROTO, event->protocol, &proto);
	text_printf(out, ",\"proto\":\"%s\"", text_string(&proto));
	text_free(&proto);
	if (event->sport || event->dport)
		text_printf(out, ",\"sport\":%u,\"dport\":%u", ntohs(event->sport), ntohs(event->dport));
}

void filter_event_print(const struct filter_event *event, const struct image *image, struct text *out)
{
	const struct image_port *port = image ? image_port(image, event->port) : NULL;

	if (event->reason)
		text_printf(out, "\"reason\":\"%s\",", eval_reason_name(event->reason));
	text_printf(out, "\"length\":%u", event->length);
	if (event->rule != RULES_NONE)
		text_printf(out, ",\"rule\":%u", event->rule);
	if (image && event->rule < image->filter.rules.len)
		print_rule(image, event->rule, event->reason, out);
	if (!event->reason && image && event->text < image->filter.texts.len)
		print_text(*(char **)vec_at(&image->filter.texts, event->text), out);
	if (port) {
		text_printf(out, ",\"port\":");
		json_append_text(out, port->name);
	}
	if (event->family == ADDR_V4 || event->family == ADDR_V6)
		print_addresses(event, out);
	else
		text_printf(out, ",\"ethertype\":\"0x%04x\"", event->ethertype);
}
