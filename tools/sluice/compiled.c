// SPDX-License-Identifier: GPL-2.0
#include "compiled.h"

#include <errno.h>

#include "check.h"
#include "cli.h"
#include "compile/compile.h"
#include "objects.h"
#include "policy/parse.h"

int compiled_read(const struct cli *cli, const char *path, const char *objects_path,
		  struct compiled *compiled)
{
	struct vec objects = VEC(struct object);
	struct numbering numbering;
	struct diags diags;
	int err = -EINVAL;

	*compiled = (struct compiled){ 0 };
	if (objects_path && objects_read(cli, objects_path, &objects)) {
		vec_free(&objects);
		return CLI_FAILED;
	}
	diags_init(&diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	compiled->policy = policy_parse_configuration(&path, 1, policy_load_file, NULL, &objects, &diags);
	vec_free(&objects);
	if (!diags.errors)
		err = compile_policy(compiled->policy, &numbering, NULL, &compiled->image, &diags);
	check_complain(cli, &diags);
	numbering_free(&numbering);
	diags_free(&diags);
	return err ? CLI_FAILED : CLI_OK;
}

void compiled_free(struct compiled *compiled)
{
	image_free(compiled->image);
	if (compiled->policy)
		policy_free(compiled->policy);
}
