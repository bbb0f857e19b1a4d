// SPDX-License-Identifier: GPL-2.0
/*
 * trace: the tracepoints themselves (base/trace.h).
 *
 * Context:    any.
 * Tests:      scripts/guest/trace.sh
 */
#define CREATE_TRACE_POINTS
#include "base/trace.h"
