"""What `publish` says: what was published, or which rule refused."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import PublicationRefused
from genre_batch.publish.gate import Ruling
from genre_batch.wording import plural


class PublishReport(BaseModel):
    """What was published, or why not. step: its name in the log, or null if there was nothing to do or a rule refused.

    new_runs: those that were added. runs, answers: of the current model's table, those of all its runs. withheld:
    runs that a rollback took away or that were left out by name. serving_rows: rows that were added to the serving
    table. registered: steps that were added to each table of a lake format.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    outcome: Literal["published", "rolled_back", "unchanged", "refused"]
    step: str | None
    model_id: str
    runs: int
    new_runs: tuple[str, ...]
    answers: int
    rulings: tuple[Ruling, ...]
    withheld: tuple[str, ...] = ()
    serving_rows: int = 0
    registered: dict[str, int] = {}

    def summary(self) -> str:
        """The report as lines for a terminal."""
        lines = [f"{'ok' if each.passed else 'NO':>4} {each.rule}: {each.message}" for each in self.rulings]
        table = f"{self.model_id} with {plural(self.answers, 'answer')} of {plural(self.runs, 'run')}"
        match self.outcome:
            case "refused":
                lines.append(f"not published; served as before: {table}")
            case "unchanged":
                lines.append(f"nothing new to publish; served as before: {table}")
            case "rolled_back":
                lines.append(f"rolled back; served again: {table}")
            case "published":
                lines.append(f"published {plural(len(self.new_runs), 'run')}; served now: {table}")
        if self.serving_rows:
            lines.append(f"{plural(self.serving_rows, 'row')} added to serving/")
        lines += [f"{plural(count, 'step')} registered in {name}" for name, count in self.registered.items() if count]
        if self.withheld:
            lines.append(f"withheld: {', '.join(self.withheld)}; --set again=true publishes them")
        return "\n".join(lines)

    def require(self) -> None:
        """Raise PublicationRefused if a rule refused."""
        if self.outcome == "refused":
            rules = [each for each in self.rulings if not each.passed]
            raise PublicationRefused(
                f"not published: {'; '.join(each.message for each in rules)}",
                f"what is served has not changed; to publish all the same, change the rules: --set rules."
                f"{_SETTING.get(rules[0].rule, 'max_reject_rate')}=...; to leave a run out: --without RUN_ID",
            )


_SETTING = {
    "reject_rate": "max_reject_rate",
    "abstain_rate": "max_abstain_rate",
    "genre_drift": "max_drift",
    "confidence_drift": "max_drift",
    "coverage": "min_coverage",
    "deleted_rate": "max_deleted_rate",
    "canaries": "max_canary_change",
}
