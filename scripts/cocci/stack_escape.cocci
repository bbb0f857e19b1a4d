// SPDX-License-Identifier: GPL-2.0
/// Find addresses of objects on the stack that outlive their function: they are
/// returned, or stored into memory of the heap or of the module and still there
/// when the function ends.
///
//# A store counts if it goes into an object that was allocated in the same
//# function, or into a variable outside of all functions. Memory that a caller
//# passed in is left alone: its owner may be done with it before the caller
//# returns. A store is undone by another store to the same place, and by the end
//# of the object: a call with it whose name says free, put, release, destroy, del,
//# remove, kill or cancel.
///
// Confidence: Moderate
// Options: --no-includes
// Keywords: stack, kmalloc, goslab_malloc, return, dangling

virtual org
virtual report

@initialize:python@
@@
import escape
objects = escape.Objects()

// What is on the stack: variables of functions, except static ones.
@variable@
type T;
identifier x;
initializer I;
position px;
@@

(
T x@px;
|
T x@px = I;
)

@script:python@
x << variable.x;
px << variable.px;
@@
objects.variable(px[0], x)

// The name of an array is its address.
@array@
type T;
identifier x;
expression N;
initializer I;
position px;
@@

(
T x@px[N];
|
T x@px[N] = I;
|
T x@px[] = I;
)

@script:python@
x << array.x;
px << array.px;
@@
objects.array(px[0], x)

@lasting@
type T;
identifier x;
initializer I;
position px;
@@

(
static T x@px;
|
static T x@px = I;
)

@script:python@
x << lasting.x;
px << lasting.px;
@@
objects.lasting(px[0], x)

@returned@
expression V;
position p;
@@

return@p V;

@script:python depends on report@
V << returned.V;
p << returned.p;
@@
if objects.on_stack(p[0], V):
    coccilib.report.print_report(p[0], objects.returned(V))

@script:python depends on org@
V << returned.V;
p << returned.p;
@@
if objects.on_stack(p[0], V):
    coccilib.org.print_todo(p[0], objects.returned(V))

@stored exists@
local idexpression h;
identifier alloc =~ "^(k|kv|goslab_|goslab_kv)[mz]alloc(_noscan|_node|_obj|_objs|_flex|_array)?$|^(k|kv|goslab_|goslab_kv)calloc$|^(kmem|goslab)_cache_z?alloc$|^goslab_heap_[mz]alloc$";
identifier member;
expression E, V;
position p;
@@

h = alloc(...)
... when != h = E
h->member@p = V

// Undone on every path.
@undone@
position stored.p, q;
identifier end =~ "free|put|release|destroy|del|remove|kill|cancel";
identifier member;
expression h, E, V;
@@

h->member@p@q = V
...
\(h->member = E\|end(..., h, ...)\|end(..., &h->member, ...)\)

@script:python@
q << undone.q;
@@
objects.undone(q[0])

@stored_outside@
global idexpression g;
identifier member;
expression V;
position p;
@@

\(g@p\|g->member@p\|g.member@p\) = V

@undone_variable@
global idexpression g;
position stored_outside.p, q;
expression E, V;
@@

g@p@q = V
...
g = E

@script:python@
q << undone_variable.q;
@@
objects.undone(q[0])

@undone_member@
position stored_outside.p, q;
identifier end =~ "free|put|release|destroy|del|remove|kill|cancel";
identifier member;
expression E, V, h;
@@

(
h->member@p@q = V;
...
\(h->member = E\|end(..., h, ...)\|end(..., &h->member, ...)\);
|
h.member@p@q = V;
...
\(h.member = E\|end(..., &h, ...)\|end(..., &h.member, ...)\);
)

@script:python@
q << undone_member.q;
@@
objects.undone(q[0])

@script:python depends on report@
V << stored.V;
p << stored.p;
@@
if objects.stays(p[0], V):
    coccilib.report.print_report(p[0], objects.stored(p[0], V))

@script:python depends on org@
V << stored.V;
p << stored.p;
@@
if objects.stays(p[0], V):
    coccilib.org.print_todo(p[0], objects.stored(p[0], V))

@script:python depends on report@
V << stored_outside.V;
p << stored_outside.p;
@@
if objects.stays(p[0], V):
    coccilib.report.print_report(p[0], objects.stored(p[0], V))

@script:python depends on org@
V << stored_outside.V;
p << stored_outside.p;
@@
if objects.stays(p[0], V):
    coccilib.org.print_todo(p[0], objects.stored(p[0], V))
