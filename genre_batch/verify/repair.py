"""`verify --repair`: damage is moved away, never deleted; what it held is done again by an ordinary resume.

The order of the steps keeps other drivers right at any moment: docs/decisions/0011-verify-and-repair.md.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

from genre_batch.config import ScoreConfig, VerifyConfig
from genre_batch.errors import UserError
from genre_batch.sink import layout
from genre_batch.sink.finish import finish, is_finished
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan, read_plan, run_ids, write_plan
from genre_batch.sink.pointer import read_pointer, swap_pointer, to_json
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.turn import Head
from genre_batch.storage.move import move
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.findings import Finding
from genre_batch.verify.pointers import identity_path, latest_of, new_claim
from genre_batch.verify.repair_plan import RunRepair, files_of_shard, plan_repair
from genre_batch.verify.repair_report import RepairReport
from genre_batch.verify.run_files import DAMAGED_FOLDER
from genre_batch.verify.verification import VerifyReport, verify


def verify_and_repair(config: VerifyConfig) -> VerifyReport:
    """Verify the output and, where the settings ask for it and there is damage, repair it and verify again.

    Raises what `verify` and `repair` raise.
    """
    report = verify(config)
    if not config.repair or not report.damage:
        return report
    done = repair(open_store(config.output), config.output, report.findings)
    return verify(config).model_copy(update={"repair": done})


def repair(store: Store, output: str, findings: Sequence[Finding]) -> RepairReport:
    """Repair what `findings` tell of.

    Raises UsageError, before anything is touched, where a bundle is another one by now; UserError where another run
    over the same source is unfinished or starts meanwhile; and what `pipeline.score` raises.
    """
    plan = plan_repair(store, output, findings)
    finishing = {run.plan.run_id for run in plan.runs if not run.unfinished}
    named = {run_id for run in plan.runs if (run_id := _head_run(store, output, run.plan, finishing, plan.pointers))}
    mend = _Mend(store, output)
    for run in plan.runs:
        mend.records(run)
    for path in plan.extras:
        mend.away(path)
    for path in dict.fromkeys(plan.pointers):
        mend.pointer(path)
    # the run that a head names first: while it is unfinished, no other of its kind may be
    for run in sorted(plan.runs, key=lambda each: each.plan.run_id not in named):
        mend.run(run)
    again = sum(len(run.again) for run in plan.runs)
    rewritten = sum(len(run.rewritten) for run in plan.runs)
    return RepairReport(moved=tuple(mend.moved), again=again, rewritten=rewritten, hopeless=tuple(plan.hopeless))


class _Mend:
    """The steps of a repair. `moved` says where damaged files went."""

    def __init__(self, store: Store, output: str) -> None:
        self._store, self._output = store, output
        self._newest = max(run_ids(store, output))
        self.moved: list[str] = []

    def away(self, path: str, run_id: str | None = None) -> None:
        """Move a file below its run's folder, where no reader of a table looks; the newest run's if it has none."""
        target = layout.run_path(run_id or self._newest, f"{DAMAGED_FOLDER}{layout.as_name(self._output, path)}")
        with suppress(ObjectGone):
            where = move(self._store, layout.at(self._output, path), layout.at(self._output, target))
            self.moved.append(where.removeprefix(layout.at(self._output, "")))

    def pointer(self, path: str) -> None:
        """Make a pointer anew from the runs there are."""
        self.away(path)
        uri = layout.at(self._output, path)
        plans = [plan for run_id in run_ids(self._store, self._output) if (plan := self._plan(run_id))]
        if path == layout.LATEST:
            finished = [plan for plan in plans if self._exists(layout.manifest_path(plan.run_id))]
            if finished:
                self._store.create(uri, to_json(latest_of(finished[-1])))
            return
        mine = [plan for plan in plans if identity_path(plan) == path and self._is_worked_on(plan)]
        if mine:
            self._store.create(uri, to_json(new_claim(mine[-1])))

    def records(self, run: RunRepair) -> None:
        """Put the plan of a run in order, and move a damaged report away."""
        run_id = run.plan.run_id
        for path in run.records:
            if path != layout.manifest_path(run_id):
                self.away(path, run_id)
        write_plan(self._store, self._output, run.plan)

    def run(self, run: RunRepair) -> None:
        """Repair one run: after the claim no other run of its kind can start until it is finished again."""
        if not run.reopens:
            return
        head = self._claim(run)
        for shard in run.again:
            self._check_claim(run.plan, head)
            self._empty(run.plan, shard)
        for record in run.rewritten:
            self._check_claim(run.plan, head)
            self._rewrite(run.plan, record)
        if not run.unfinished:
            self._finish(run)

    def _claim(self, run: RunRepair) -> Head:
        """Make the run unfinished, then the one to carry out; whoever saw the head before can start no other run."""
        plan, path = run.plan, layout.manifest_path(run.plan.run_id)
        found = _checked_head(self._store, self._output, plan, set())
        whole = None if path in run.records else self._read(path)
        self.away(path, plan.run_id)
        head = new_claim(plan)
        if not swap_pointer(
            self._store, layout.at(self._output, identity_path(plan)), head, found[1] if found else None
        ):
            if whole is not None:
                self._store.create(layout.at(self._output, path), whole)
            raise UserError(f"another run over {plan.source} started just now", "let it finish, then repair again")
        return head

    def _check_claim(self, plan: RunPlan, head: Head) -> None:
        found = read_pointer(self._store, layout.at(self._output, identity_path(plan)), Head)
        if found is None or found[0] != head:
            raise UserError(f"another repair of {plan.run_id} has taken over", "let it finish, then verify again")

    def _empty(self, plan: RunPlan, shard: int) -> None:
        for path in files_of_shard(plan, shard):
            self.away(path, plan.run_id)

    def _rewrite(self, plan: RunPlan, record: CommitRecord) -> None:
        path = layout.commit_path(plan.run_id, record.shard)
        self.away(path, plan.run_id)
        self._store.create(layout.at(self._output, path), to_json(record))

    def _finish(self, run: RunRepair) -> None:
        if run.settings is None:
            finish(self._store, self._output, run.plan, Ledger(self._store, self._output, run.plan).records())
            return
        from genre_batch.pipeline import features, score

        report = score(run.settings) if isinstance(run.settings, ScoreConfig) else features(run.settings)
        if report.run_id != run.plan.run_id:
            raise UserError(f"{report.run_id} was carried out, not {run.plan.run_id}", "repair again")

    def _plan(self, run_id: str) -> RunPlan | None:
        try:
            return read_plan(self._store, self._output, run_id)
        except (ObjectGone, UserError):
            return None

    def _is_worked_on(self, plan: RunPlan) -> bool:
        return self._exists(layout.manifest_path(plan.run_id)) or bool(Ledger(self._store, self._output, plan).shards())

    def _read(self, path: str) -> bytes | None:
        try:
            return self._store.read(layout.at(self._output, path))
        except ObjectGone:
            return None

    def _exists(self, path: str) -> bool:
        try:
            self._store.head(layout.at(self._output, path))
        except ObjectGone:
            return False
        return True


def _head_run(
    store: Store, output: str, plan: RunPlan, finishing: Collection[str], damaged: Collection[str]
) -> str | None:
    """The run that the head of this one's kind names; None where there is none, or it is damaged."""
    if identity_path(plan) in damaged:
        return None
    found = _checked_head(store, output, plan, finishing)
    return found[0].run_id if found else None


def _checked_head(store: Store, output: str, plan: RunPlan, finishing: Collection[str]) -> tuple[Head, str] | None:
    """The head of runs of this kind, and its etag.

    Raises UserError where it names another run that is unfinished and not among those that the repair is `finishing`:
    it would be pushed aside.
    """
    found = read_pointer(store, layout.at(output, identity_path(plan)), Head)
    if found is None or found[0].run_id in {plan.run_id, *finishing}:
        return found
    if is_finished(store, output, found[0].run_id):
        return found
    raise UserError(
        f"run {found[0].run_id} over {plan.source} is unfinished", "finish it with `genre-batch score`, then repair"
    )
