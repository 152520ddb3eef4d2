#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A thousand changes of images, each decided exactly. MUTATIONS and SEED choose.
export MUTATIONS=${MUTATIONS:-1000}
exec "$(dirname "$0")/../../build/test/test_mutation"
