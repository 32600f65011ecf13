"""The pool's book-keeping against a plain count."""

from hypothesis import given
from hypothesis import strategies as st

from genre_batch.schedule.actor_pool import ActorPool


@given(st.lists(st.integers(0, 4), max_size=80))
def test_the_idlest_actor_has_the_fewest_calls_and_a_free_place(steps: list[int]) -> None:
    pool, held = ActorPool(calls_per_actor=2), {}
    for call, step in enumerate(steps):
        if step == 0:
            held[call] = []
            pool.add(call)
        elif step in (1, 2) and (actor := pool.idlest()) is not None:
            pool.assign(actor, call)
            held[actor].append(call)
        elif step == 3 and any(held.values()):
            actor = max(held, key=lambda a: len(held[a]))
            pool.release(actor, held[actor].pop())
        elif step == 4 and held:
            actor = min(held)
            assert pool.remove(actor) == held.pop(actor)
        idlest = pool.idlest()
        free = [actor for actor, calls in held.items() if len(calls) < 2]
        assert (idlest is None) == (not free)
        assert idlest is None or len(held[idlest]) == min(len(held[actor]) for actor in free)
        assert len(pool) == len(held)
