"""`verify --repair`: moves damage away and does again what is missing. No object is ever lost or overwritten."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import count

from genre_batch.config import ScoreConfig
from genre_batch.errors import UserError
from genre_batch.publish.pointer import read_step
from genre_batch.publish.serving import write_step
from genre_batch.sink import layout
from genre_batch.sink.finish import finish, is_finished, latest_of
from genre_batch.sink.json_records import read_pointer, swap_pointer, to_json
from genre_batch.sink.plan import RunPlan, read_plan, run_ids, write_plan
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.run_claim import Head
from genre_batch.sink.sink import open_sink
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import ObjectChanged, ObjectGone, Store
from genre_batch.verify.findings import Finding
from genre_batch.verify.output import Output
from genre_batch.verify.pointers import new_claim
from genre_batch.verify.records import DAMAGED_FOLDER, identity_path
from genre_batch.verify.repair_plan import RunRepair, files_of_shard, plan_repair
from genre_batch.verify.serving_check import step_of_file
from genre_batch.verify.verification import RepairReport, VerifyReport, verify
from genre_batch.verify.verify_config import VerifyConfig


def move(store: Store, source_uri: str, target_uri: str) -> str:
    """Move an object, and return where it is: `target_uri`, or with `.1`, `.2` and so on appended if that exists.

    The copy is made before the original is deleted, so that a crash leaves at least one; moving again then completes.
    Raises ObjectGone if there is no object, ObjectChanged if another one took its place meanwhile: that one stays.
    """
    etag = store.head(source_uri).etag
    data = store.read(source_uri, etag=etag)
    for number in count():
        target = f"{target_uri}.{number}" if number else target_uri
        if store.create(target, data) or store.read(target) == data:
            break
    if store.head(source_uri).etag != etag:
        raise ObjectChanged(f"{source_uri!r} changed while it was moved.")
    store.delete(source_uri)
    return target


def verify_and_repair(config: VerifyConfig) -> VerifyReport:
    """Verify the output; if there is damage and the settings ask for it, repair it and verify again.

    Raises what `verify` and `repair` raise.
    """
    report = verify(config)
    if not config.repair or not report.damage:
        return report
    done = repair(Output(open_store(config.output), config.output), report.findings)
    return verify(config).model_copy(update={"repair": done})


def repair(output: Output, findings: Sequence[Finding]) -> RepairReport:
    """Repair the damage among `findings`.

    Raises UsageError, before anything is changed, if a bundle is not that of its run; UserError if another run over
    the same source is unfinished or starts meanwhile; and what `pipeline.score` raises.
    """
    plan = plan_repair(output, findings)
    finishing = {run.plan.run_id for run in plan.runs if not run.unfinished}
    heads = {run_id for run in plan.runs if (run_id := _head_run(output, run.plan, finishing, plan.pointers))}
    repairer = _Repairer(output)
    for run in plan.runs:
        repairer.records(run)
    for path in plan.extras:
        repairer.away(path)
    for path in dict.fromkeys(plan.pointers):
        repairer.pointer(path)
    # the runs that a head names first: while such a run is unfinished, no other with its source and model may be
    for run in sorted(plan.runs, key=lambda each: each.plan.run_id not in heads):
        repairer.run(run)
    for step in sorted(set(plan.serving)):
        repairer.serving(step)
    again = sum(len(run.again) for run in plan.runs)
    rewritten = sum(len(run.rewritten) for run in plan.runs)
    return RepairReport(moved=tuple(repairer.moved), again=again, rewritten=rewritten, hopeless=tuple(plan.hopeless))


class _Repairer:
    """The steps of a repair. `moved` has the new paths of damaged files."""

    def __init__(self, output: Output) -> None:
        self._output, self._store = output, output.store
        self._newest = max(run_ids(output.store, output.root))
        self.moved: list[str] = []

    def away(self, path: str, run_id: str | None = None) -> None:
        """Move a file below the folder of its run, by default the newest run, where no reader of a table looks."""
        name = layout.as_name(self._output.root, path)
        target = layout.run_path(run_id or self._newest, f"{DAMAGED_FOLDER}{name}")
        with suppress(ObjectGone):
            self.moved.append(self._output.path(move(self._store, self._output.uri(path), self._output.uri(target))))

    def pointer(self, path: str) -> None:
        """Restore a pointer from the existing runs."""
        self.away(path)
        plans = [plan for run_id in run_ids(self._store, self._output.root) if (plan := self._plan(run_id))]
        if path == layout.LATEST:
            good = [plan for plan in plans if self._is_finished_well(plan.run_id)]
            if good:
                self._store.create(self._output.uri(path), to_json(latest_of(good[-1])))
            return
        candidates = [plan for plan in plans if identity_path(plan) == path and self._is_worked_on(plan)]
        if candidates:
            self._store.create(self._output.uri(path), to_json(new_claim(candidates[-1])))

    def serving(self, step: str) -> None:
        """Write the serving files of a step again: all of them, because each begins where the one before it ends."""
        files = [path for path, _ in self._output.list(layout.SERVING_FOLDER) if step_of_file(path) == step]
        for path in [layout.serving_record_path(step), *reversed(files)]:
            self.away(path)
        write_step(self._store, self._output.root, read_step(self._store, self._output.root, step))

    def _is_finished_well(self, run_id: str) -> bool:
        exists = self._output.exists
        return exists(layout.manifest_path(run_id)) and not exists(layout.verdict_path(run_id))

    def records(self, run: RunRepair) -> None:
        """Restore the plan of a run, and move a damaged report away."""
        run_id = run.plan.run_id
        for path in run.records:
            if path != layout.manifest_path(run_id):
                self.away(path, run_id)
        write_plan(self._store, self._output.root, run.plan)

    def run(self, run: RunRepair) -> None:
        """Repair one run. After the claim no other run with its source and model can start until it is finished."""
        if not run.reopens:
            return
        head, plan = self._claim(run), run.plan
        for shard in run.again:
            self._check_claim(plan, head)
            for path in files_of_shard(plan, shard):
                self.away(path, plan.run_id)
        for record in run.rewritten:
            self._check_claim(plan, head)
            self._rewrite(plan, record)
        if not run.unfinished:
            self._finish(run)

    def _claim(self, run: RunRepair) -> Head:
        """Make the run unfinished, then move the head to it: no driver that read an earlier head can start a run."""
        plan, path = run.plan, layout.manifest_path(run.plan.run_id)
        found = _checked_head(self._output, plan, set())
        intact = None if path in run.records else self._read(path)
        self.away(path, plan.run_id)
        head = new_claim(plan)
        if not swap_pointer(self._store, self._output.uri(identity_path(plan)), head, found[1] if found else None):
            if intact is not None:
                self._store.create(self._output.uri(path), intact)
            raise UserError(f"another run over {plan.source} started just now", "let it finish, then repair again")
        return head

    def _check_claim(self, plan: RunPlan, head: Head) -> None:
        found = read_pointer(self._store, self._output.uri(identity_path(plan)), Head)
        if found is None or found[0] != head:
            raise UserError(f"another repair of {plan.run_id} has taken over", "let it finish, then verify again")

    def _rewrite(self, plan: RunPlan, record: CommitRecord) -> None:
        path = layout.commit_path(plan.run_id, record.shard)
        self.away(path, plan.run_id)
        self._store.create(self._output.uri(path), to_json(record))

    def _finish(self, run: RunRepair) -> None:
        if run.settings is None:
            records = open_sink(self._store, self._output.root, run.plan).records()
            finish(self._store, self._output.root, run.plan, records)
            return
        from genre_batch.pipeline import features, score

        report = score(run.settings) if isinstance(run.settings, ScoreConfig) else features(run.settings)
        if report.run_id != run.plan.run_id:
            raise UserError(f"{report.run_id} was carried out, not {run.plan.run_id}", "repair again")

    def _plan(self, run_id: str) -> RunPlan | None:
        try:
            return read_plan(self._store, self._output.root, run_id)
        except (ObjectGone, UserError):
            return None

    def _is_worked_on(self, plan: RunPlan) -> bool:
        finished = self._output.exists(layout.manifest_path(plan.run_id))
        return finished or bool(open_sink(self._store, self._output.root, plan).shards())

    def _read(self, path: str) -> bytes | None:
        try:
            return self._store.read(self._output.uri(path))
        except ObjectGone:
            return None


def _head_run(output: Output, plan: RunPlan, finishing: Collection[str], damaged: Collection[str]) -> str | None:
    """The run that the head of this run's source and model names; None if there is none, or it is damaged."""
    if identity_path(plan) in damaged:
        return None
    found = _checked_head(output, plan, finishing)
    return found[0].run_id if found else None


def _checked_head(output: Output, plan: RunPlan, finishing: Collection[str]) -> tuple[Head, str] | None:
    """The head of the runs with the source and model of this one, and its etag.

    Raises UserError if it names another unfinished run that the repair is not `finishing`: that run would lose its
    head.
    """
    found = read_pointer(output.store, output.uri(identity_path(plan)), Head)
    if found is None or found[0].run_id in {plan.run_id, *finishing}:
        return found
    if is_finished(output.store, output.root, found[0].run_id):
        return found
    raise UserError(
        f"run {found[0].run_id} over {plan.source} is unfinished", "finish it with `genre-batch score`, then repair"
    )
