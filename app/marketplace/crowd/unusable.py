"""What Workers of a run tell one another: which HIT groups hold nothing that this crowd can answer."""


class Unusable:
    """HIT groups in which somebody found a question that nobody here can read, and nobody one that can be read.

    A group of both kinds of HITs is not among them: its usable HITs are answered whoever comes first.
    """

    def __init__(self) -> None:
        self._strange: set[str] = set()
        self._familiar: set[str] = set()

    def __contains__(self, group_id: str) -> bool:
        return group_id in self._strange and group_id not in self._familiar

    def could_read(self, group_id: str) -> None:
        """Note that a question of the group was read."""
        self._familiar.add(group_id)

    def could_not_read(self, group_id: str) -> None:
        """Note that a question of the group is of another kind."""
        self._strange.add(group_id)
