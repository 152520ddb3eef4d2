// SPDX-License-Identifier: GPL-2.0
#include "compile/filter.h"

#include <errno.h>
#include <string.h>

/* What most rules need to say: in the word that the walk yields. */
static uint32_t action_word(const struct policy_rule *rule)
{
	const struct policy_action *last = vec_at(&rule->actions, rule->actions.len - 1);
	uint32_t word = rule->number;

	if (rule->ends && last->kind == DO_DROP)
		word |= ACTION_DROP;
	if (!rule->ends || rule->actions.len > 1)
		word |= ACTION_LISTED;
	return word;
}

static void set_action_words(const struct policy *policy, struct lowered *lowered)
{
	for (unsigned int l = 0; l < lowered->layers; l++) {
		struct vec *rules = &lowered->layer[l].rules;

		for (size_t i = 0; i < rules->len; i++) {
			struct rule *box = *(struct rule **)vec_at(rules, i);

			box->action = action_word(*(struct policy_rule **)vec_at(&policy->rules,
										   box->action));
		}
	}
}

static void take_macs(const struct lower_names *names, struct image_filter *f)
{
	for (size_t i = 0; i < names->macs.len; i++) {
		struct image_mac *to = vec_push(&f->macs);
		const struct lower_mac *mac = vec_at(&names->macs, i);

		memcpy(to->address, mac->address, sizeof(to->address));
		to->number = i + 1;
	}
	f->shape.macs = f->macs.len > 0;
}

/* The ports that packets are asked about. */
static void mark_ports(const struct policy *policy, const uint16_t *port, struct config *config)
{
	for (size_t i = 0; i < policy->filters.len; i++) {
		const struct policy_filter *filter = *(struct policy_filter **)vec_at(&policy->filters, i);

		for (size_t j = 0; j < filter->ports.len; j++) {
			const struct policy_port_ref *ref = vec_at(&filter->ports, j);

			for (size_t k = 0; k < policy->ports.len; k++)
				if (*(struct policy_port **)vec_at(&policy->ports, k) == ref->port)
					config->port[port[k]] |= CONFIG_PORT_FILTER;
		}
	}
}

int compile_filter(const struct policy *policy, const uint16_t *port, struct numbering *numbering,
		   const struct compile_options *options, struct image *image, struct diags *diags)
{
	size_t budget = options->budget ? options->budget : RULES_BUDGET;
	struct lowered lowered;
	int err;

	compile_words(policy, options, &image->filter);
	err = compile_actions(policy, numbering, image, diags);
	if (err || !policy->filters.len)
		return err;
	err = lower_policy(policy, port, &lowered, diags);
	if (err)
		return err;
	set_action_words(policy, &lowered);
	mark_ports(policy, port, &image->config);
	image->filter.shape.rules = policy->rules.len;
	take_macs(&lowered.names, &image->filter);
	err = compile_tables(&lowered, budget, &image->filter, diags);
	lowered_free(&lowered);
	return err;
}
