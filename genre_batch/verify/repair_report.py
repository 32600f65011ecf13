"""What a repair did."""

from pydantic import BaseModel, ConfigDict


class RepairReport(BaseModel):
    """moved: where each damaged or extra file is now. again: shards that were scored again, or that the next start of
    an unfinished run will score. rewritten: markers made anew from whole files. hopeless: what could not be repaired,
    with what to do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    moved: tuple[str, ...]
    again: int
    rewritten: int
    hopeless: tuple[str, ...]

    def summary(self) -> str:
        """The report in lines for people."""
        done = f"repair: {len(self.moved):,} files moved away, {self.again:,} shards done again"
        lines = [f"{done}, {self.rewritten:,} markers written anew"]
        return "\n".join([*lines, *(f"not repaired: {each}" for each in self.hopeless)])
