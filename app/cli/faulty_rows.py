"""Faulty rows of a sheet, and what to do about them: bonuses and decisions are all done or none."""

from app.cli import talking
from app.db.sheets import Faults


def check_rows(faults: Faults, *, otherwise: str) -> None:
    """Say what to do and raise InvalidInput with every fault, if there is one. otherwise: what is done with good rows."""
    if faults.total:
        talking.console(stderr=True).print(
            f"Nothing was done. Mend these rows and send the file again, or {otherwise} the others alone: --skip-faulty.",
            markup=False,
        )
    faults.check()
