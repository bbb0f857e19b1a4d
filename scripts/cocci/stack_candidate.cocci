// SPDX-License-Identifier: GPL-2.0
/// Find objects that are allocated with a constant size, never leave the
/// function and are freed on every path. They could live on the stack.
///
//# Every use of the pointer must be one that is listed here: a field that is
//# read or written, a comparison, a free, or an argument of a function that is
//# known not to keep it (escape.py). Any other use is an escape. Memory that a
//# device reads or writes must stay on the heap: no function that hands its
//# argument to a device is in that list.
//#
//# The compiler tells sizes, and which fields are arrays. Without an answer
//# nothing is reported.
///
// Confidence: High
// Options: --no-includes
// Keywords: kmalloc, kzalloc, goslab_malloc, kfree, goslab_free, stack

virtual org
virtual report

@initialize:python@
@@
import escape
facts = escape.Facts()

@alloc@
type T;
local idexpression T *p;
identifier f =~ "^(k|kv|goslab_|goslab_kv)[mz]alloc(_noscan|_node|_objs?|_array)?$|^(k|kv|goslab_|goslab_kv)calloc$|^(kmem|goslab)_cache_z?alloc$";
position pa;
@@

p@pa = \(f(...)\|(T *)f(...)\)

@script:python@
T << alloc.T;
p << alloc.p;
f << alloc.f;
pa << alloc.pa;
@@
facts.alloc(pa[0], T, p, f)

// Its size is the first argument or, for arrays, the product of two. An
// allocation by type or from a cache is as large as what p points to.
@size@
type alloc.T;
local idexpression T *alloc.p;
identifier alloc.f;
position alloc.pa;
expression N;
@@

p@pa = \(f(N, ...)\|(T *)f(N, ...)\)

@script:python@
pa << alloc.pa;
N << size.N;
@@
facts.size(pa[0], N)

@count@
type alloc.T;
local idexpression T *alloc.p;
identifier alloc.f;
position alloc.pa;
expression N, M;
@@

p@pa = \(f(N, M, ...)\|(T *)f(N, M, ...)\)

@script:python@
pa << alloc.pa;
M << count.M;
@@
facts.count(pa[0], M)

// The first may be a type.
@count_of_type@
type alloc.T, T2;
local idexpression T *alloc.p;
identifier alloc.f;
position alloc.pa;
expression M;
@@

p@pa = \(f(T2, M, ...)\|(T *)f(T2, M, ...)\)

@script:python@
pa << alloc.pa;
M << count_of_type.M;
@@
facts.count(pa[0], M)

@use@
type alloc.T;
local idexpression T *alloc.p;
position k;
@@

p@k

@script:python@
p << alloc.p;
k << use.k;
@@
facts.use(k[0], p)

// The pointer is compared, forgotten or measured, or the object is copied.
@judged@
type alloc.T;
local idexpression T *alloc.p;
identifier fld;
expression E;
position k;
@@

(
 !p@k
|
 p@k == E
|
 p@k != E
|
 p@k && E
|
 E && p@k
|
 p@k || E
|
 E || p@k
|
 p@k = NULL
|
 *p@k = E
|
 E = *p@k
|
 p@k->fld = E
)

@script:python@
p << alloc.p;
k << judged.k;
@@
facts.local(k[0], p)

@tested@
type alloc.T;
local idexpression T *alloc.p;
statement S1, S2;
position k;
@@

if (p@k) S1 else S2

@script:python@
p << alloc.p;
k << tested.k;
@@
facts.local(k[0], p)

@measured@
type alloc.T;
local idexpression T *alloc.p;
position k;
@@

sizeof(<+... p@k ...+>)

@script:python@
p << alloc.p;
k << measured.k;
@@
facts.local(k[0], p)

@freed@
type alloc.T;
local idexpression T *alloc.p;
identifier f =~ "^(k|kv|goslab_|goslab_kv)free(_sensitive)?$|^(kmem|goslab)_cache_free$";
position k;
@@

f(..., \(p@k\|(void *)p@k\), ...)

@script:python@
p << alloc.p;
k << freed.k;
@@
facts.freed(k[0], p)

// What lies in the object is reached. If it is a scalar, its value may go
// anywhere. Its address may not.
@reached@
type alloc.T;
local idexpression T *alloc.p;
identifier fld;
expression E;
position k;
@@

(
 p@k->fld
|
 p@k[E]
|
 *p@k
)

@script:python@
p << alloc.p;
k << reached.k;
@@
facts.reached(k[0], p)

@address@
type alloc.T;
local idexpression T *alloc.p;
position k;
@@

 &(<+... p@k ...+>)

@script:python@
p << alloc.p;
k << address.k;
@@
facts.address(k[0], p)

@passed@
type alloc.T;
local idexpression T *alloc.p;
identifier f;
position k;
@@

f(..., <+... p@k ...+>, ...)

@script:python@
p << alloc.p;
f << passed.f;
k << passed.k;
@@
facts.passed(k[0], p, f)

// Not by a name: through a pointer in a structure.
@passed_by_pointer@
type alloc.T;
local idexpression T *alloc.p;
expression F;
identifier fld;
position k;
@@

\(F.fld\|F->fld\|(*F)\)(..., <+... p@k ...+>, ...)

@script:python@
p << alloc.p;
k << passed_by_pointer.k;
@@
facts.passed(k[0], p, "")

// Functions that return what they were given.
@returned@
type alloc.T;
local idexpression T *alloc.p;
identifier f =~ "^(mem(cpy|move|set)|str(cpy|ncpy|cat|ncat))$";
expression E;
position k;
@@

(
E = f(..., <+... p@k ...+>, ...);
|
return f(..., <+... p@k ...+>, ...);
)

@script:python@
p << alloc.p;
k << returned.k;
@@
facts.passed(k[0], p, "")

@leaked exists@
type alloc.T;
local idexpression T *alloc.p;
identifier alloc.f;
position alloc.pa;
identifier free =~ "^(k|kv|goslab_|goslab_kv)free(_sensitive)?$|^(kmem|goslab)_cache_free$";
position end;
@@

p@pa = \(f(...)\|(T *)f(...)\)
... when != free(..., p, ...)
    when != true !p
    when != true !p || ...
    when != false p
return@end ...;

@script:python@
pa << alloc.pa;
end << leaked.end;
@@
facts.leaked(pa[0])

@leaked_at_end exists@
type alloc.T;
local idexpression T *alloc.p;
identifier alloc.f, fn;
position alloc.pa;
identifier free =~ "^(k|kv|goslab_|goslab_kv)free(_sensitive)?$|^(kmem|goslab)_cache_free$";
@@

fn(...) {
...
p@pa = \(f(...)\|(T *)f(...)\)
... when != free(..., p, ...)
    when != true !p
    when != true !p || ...
    when != false p
    when != return ...;
}

@script:python@
pa << alloc.pa;
fn << leaked_at_end.fn;
@@
facts.leaked(pa[0])

@script:python depends on report@
pa << alloc.pa;
@@
message = facts.verdict(pa[0])
if message:
    coccilib.report.print_report(pa[0], message)

@script:python depends on org@
pa << alloc.pa;
@@
message = facts.verdict(pa[0])
if message:
    coccilib.org.print_todo(pa[0], message)
