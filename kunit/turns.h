/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order in which things that are compared take turns: a Williams design.
 *
 * With n ways, in 2n rounds (n if n is even) each way comes equally often in
 * each place of a round and equally often after each other way. So no way
 * gains from what always runs before it, nor from its place. Shared by the
 * bench and the replay of traces.
 *
 * Source: E. J. Williams, 1949, designs balanced for residual effects.
 */
#ifndef GS_KUNIT_TURNS_H
#define GS_KUNIT_TURNS_H

/* Rounds after which every way has had every place and every predecessor. */
static inline unsigned int gs_turns_cycle(unsigned int n)
{
	return n % 2 ? 2 * n : n;
}

/* Which of @n ways, from 0, has place @place of round @round. */
static inline unsigned int gs_turns_at(unsigned int n, unsigned int round,
				       unsigned int place)
{
	/* An odd n needs the mirror image of its square, too. */
	if (round / n % 2)
		place = n - 1 - place;
	/* 0, 1, n - 1, 2, n - 2, ... */
	place = place % 2 ? (place + 1) / 2 : n - place / 2;
	return (place + round) % n;
}

#endif /* GS_KUNIT_TURNS_H */
