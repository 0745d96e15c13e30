"""Commands are data, tested by equality."""

from agent.commands.programs import die_with_parent, limit_memory


class TestLimitMemory:
    def test_argv(self) -> None:
        assert limit_memory(1024, ("a", "b")) == ("prlimit", "--data=1024:1024", "--core=0", "a", "b")


class TestDieWithParent:
    def test_argv(self) -> None:
        assert die_with_parent(("a",)) == ("setpriv", "--pdeathsig", "KILL", "--", "a")
