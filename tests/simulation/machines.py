"""The simulated cluster: machines with actors, calls and blocks. It is Ray's side of a run, in virtual time."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from simulation.conditions import Conditions, End, Fate
from simulation.timeline import Timeline
from two_stages import Role

from genre_batch.schedule.events import (
    ActorLost,
    ActorReady,
    BlockLost,
    CallFailed,
    DeadlinePassed,
    Event,
    Returned,
    Send,
)


@dataclass(slots=True, eq=False)
class Node:
    """A machine. Its actors and blocks are lost when it dies."""

    name: str
    pace: float
    actors: dict[int, None] = field(default_factory=dict)
    died_at_s: float = math.inf


@dataclass(slots=True, eq=False)
class Actor:
    """An actor. `calls` and `waits_since_s` are the driver's view of it; the rest is its true state."""

    number: int
    role: Role
    node: Node
    ready_at_s: float = math.inf
    free_at_s: float = 0.0
    answers_at_s: float = 0.0
    died_at_s: float = math.inf
    death_is_known: bool = False
    watched: bool = False
    calls: dict[int, None] = field(default_factory=dict)
    waits_since_s: float = 0.0


class Machines:
    """A simulated `engine.ray_actors`: an actor works on its calls one at a time, in order.

    on_event: called with each event when the driver would receive it. wanted: the number of actors of each role; `fill`
    starts the missing ones. busy_s, alive_s: how long the actors of each role have worked and been ready, including
    actors that are gone.
    """

    def __init__(
        self, conditions: Conditions, timeline: Timeline, on_event: Callable[[Event], None], wanted: dict[Role, int]
    ) -> None:
        self._conditions = conditions
        self._timeline = timeline
        self._on_event = on_event
        self.wanted = wanted
        self.busy_s = dict.fromkeys(Role, 0.0)
        self._gone_alive_s = dict.fromkeys(Role, 0.0)
        self._actors: dict[int, Actor] = {}
        self._count = dict.fromkeys(Role, 0)
        self._blocks: dict[int, Node] = {}
        self._roomy: list[Node] = []
        self._next_actor = self._next_node = 0

    @property
    def started(self) -> int:
        """How many actors have been started."""
        return self._next_actor

    @property
    def blocks(self) -> int:
        """How many blocks are held in memory."""
        return len(self._blocks)

    def alive_s(self, role: Role) -> float:
        """Seconds that the actors of a role have been ready for work."""
        now_s = self._timeline.now_s
        alive = (min(now_s, a.died_at_s) - a.ready_at_s for a in self._actors.values() if a.role is role)
        return self._gone_alive_s[role] + sum(seconds for seconds in alive if seconds > 0)

    def fill(self) -> None:
        """Start the missing actors, alternating between roles, so that each machine gets actors of both."""
        while (role := self._scarcest()) is not None:
            self._start(role)

    def shrink(self) -> None:
        """Remove whole machines until no role has more actors than wanted."""
        for node in list(dict.fromkeys(actor.node for actor in self._actors.values())):
            if any(self._count[role] - self._dead(role) > wanted for role, wanted in self.wanted.items()):
                self._remove_node(node)

    def send(self, command: Send) -> None:
        """Add a call to an actor's queue."""
        actor, now_s = self._actors[command.actor], self._timeline.now_s
        if not actor.calls:
            actor.waits_since_s = now_s
            self._watch(actor)
        actor.calls[command.call] = None
        if actor.death_is_known:
            self._timeline.after(self._conditions.notice_s(cut=False), self._lose, actor, True, "its node has died")
        elif actor.died_at_s > now_s:
            self._begin(actor, command)

    def stop(self, number: int) -> None:
        """Kill an actor."""
        actor = self._actors[number]
        actor.died_at_s = min(actor.died_at_s, self._timeline.now_s)
        self._remove_actor(actor)
        self.fill()

    def forget(self, block: int) -> None:
        """Free a block."""
        self._blocks.pop(block, None)

    def _scarcest(self) -> Role | None:
        """The role that is missing the largest share of its actors; None if no role is missing any."""
        missing = {role: 1 - self._count[role] / wanted for role, wanted in self.wanted.items() if wanted}
        role = max(missing, key=lambda each: missing[each], default=None)
        return role if role is not None and missing[role] > 0 else None

    def _dead(self, role: Role) -> int:
        return sum(a.role is role and a.died_at_s < math.inf for a in self._actors.values())

    def _start(self, role: Role) -> None:
        node = self._node_with_room()
        actor = Actor(self._next_actor, role, node)
        self._next_actor += 1
        self._count[role] += 1
        self._actors[actor.number] = actor
        node.actors[actor.number] = None
        self._timeline.after(self._conditions.start_s(), self._ready, actor)

    def _node_with_room(self) -> Node:
        while self._roomy:
            node = self._roomy[-1]
            if node.died_at_s == math.inf and len(node.actors) < self._conditions.node_actors:
                return node
            self._roomy.pop()
        node = Node(f"machine {self._next_node}", self._conditions.node_pace())
        self._next_node += 1
        self._roomy.append(node)
        life_s = self._conditions.node_life_s()
        if life_s < math.inf:
            self._timeline.after(life_s, self._remove_node, node)
        return node

    def _ready(self, actor: Actor) -> None:
        if actor.died_at_s < math.inf:
            return
        actor.ready_at_s = self._timeline.now_s
        again_s = self._conditions.again_s()
        if again_s is not None:
            self._timeline.after(again_s, self._ready_again, actor)
        self._on_event(ActorReady(actor.number, actor.role))

    def _ready_again(self, actor: Actor) -> None:
        if actor.number in self._actors:
            self._on_event(ActorReady(actor.number, actor.role))

    def _begin(self, actor: Actor, command: Send) -> None:
        fate = self._conditions.fate(actor.role, command.batch)
        work_s = fate.work_s * actor.node.pace
        begins_at_s = max(self._timeline.now_s, actor.free_at_s)
        actor.free_at_s = math.inf if fate.end is End.HANGS else begins_at_s + work_s
        if actor.free_at_s < math.inf:
            self._timeline.at(actor.free_at_s, self._end, actor, command, fate, work_s)

    def _end(self, actor: Actor, command: Send, fate: Fate, work_s: float) -> None:
        now_s = self._timeline.now_s
        if actor.died_at_s <= now_s:
            return
        self.busy_s[actor.role] += work_s
        event = self._event(actor, command, fate, now_s - work_s)
        if event is None and fate.end is End.TAKES_MACHINE:
            self._remove_node(actor.node)
            return
        if event is None:
            self._die(actor, blameless=False, message="killed", cut=False)
            return
        for delay_s in fate.delays_s:
            if delay_s == 0.0 and actor.answers_at_s <= now_s:
                self._answer(actor, command.call, event)
            else:
                # The answers of an actor arrive in order, as over one connection.
                actor.answers_at_s = max(actor.answers_at_s, now_s + delay_s)
                self._timeline.at(actor.answers_at_s, self._answer, actor, command.call, event)

    def _event(self, actor: Actor, command: Send, fate: Fate, began_at_s: float) -> Event | None:
        """The event for the end of a call; None if the actor dies."""
        if command.block is not None and self._block_is_gone(command.block, began_at_s):
            return BlockLost(command.call)
        if fate.end in (End.KILLS, End.TAKES_MACHINE):
            return None
        if fate.end is End.RAISES:
            return CallFailed(command.call, "raised")
        if command.stage == Role.PREDICT:
            return Returned(command.call, 0)
        self._blocks[command.call] = actor.node
        return Returned(command.call, self._conditions.scorable(command.batch))

    def _block_is_gone(self, block: int, began_at_s: float) -> bool:
        node = self._blocks.get(block)
        return node is None or node.died_at_s <= began_at_s

    def _answer(self, actor: Actor, call: int, event: Event) -> None:
        if call in actor.calls:
            del actor.calls[call]
            actor.waits_since_s = self._timeline.now_s
        self._on_event(event)

    def _remove_node(self, node: Node) -> None:
        if node.died_at_s < math.inf:
            return
        node.died_at_s = self._timeline.now_s
        cut = self._conditions.node_is_cut()
        for number in node.actors:
            self._die(self._actors[number], blameless=True, message="its node has died", cut=cut)

    def _die(self, actor: Actor, *, blameless: bool, message: str, cut: bool) -> None:
        now_s = self._timeline.now_s
        actor.died_at_s = min(actor.died_at_s, now_s)
        noticed_at_s = max(actor.answers_at_s, now_s + self._conditions.notice_s(cut=cut))
        self._timeline.at(noticed_at_s, self._notice, actor, blameless, message)

    def _notice(self, actor: Actor, blameless: bool, message: str) -> None:
        """Ray reports a death through the actor's calls; if it has none, the next call finds out."""
        if actor.calls or actor.ready_at_s == math.inf:
            self._lose(actor, blameless, message)
        else:
            actor.death_is_known = True

    def _lose(self, actor: Actor, blameless: bool, message: str) -> None:
        if actor.number not in self._actors:
            return
        self._remove_actor(actor)
        again_s = self._conditions.again_s()
        lost = ActorLost(actor.number, blameless, message, actor.node.name)
        if again_s is not None:
            self._timeline.after(again_s, self._on_event, lost)
        self._on_event(lost)
        self.fill()

    def _remove_actor(self, actor: Actor) -> None:
        del self._actors[actor.number]
        del actor.node.actors[actor.number]
        self._roomy.append(actor.node)
        for call in actor.calls:
            self.forget(call)
        self._count[actor.role] -= 1
        self._gone_alive_s[actor.role] += max(0.0, actor.died_at_s - actor.ready_at_s)

    def _watch(self, actor: Actor) -> None:
        if not actor.watched:
            actor.watched = True
            self._timeline.after(self._conditions.deadline_s(actor.role), self._look, actor)

    def _look(self, actor: Actor) -> None:
        if actor.number not in self._actors or not actor.calls:
            actor.watched = False
            return
        deadline_s = self._conditions.deadline_s(actor.role)
        overdue = actor.waits_since_s + deadline_s <= self._timeline.now_s
        self._timeline.at((self._timeline.now_s if overdue else actor.waits_since_s) + deadline_s, self._look, actor)
        if overdue:
            self._on_event(DeadlinePassed(actor.number))
