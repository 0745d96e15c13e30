"""Argument lists around a bench's program: its memory limit and its end."""


def limit_memory(memory_bytes: int, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Let the program have this many bytes of private memory; beyond it its allocations fail."""
    return ("prlimit", f"--data={memory_bytes}:{memory_bytes}", "--core=0", *argv)


def die_with_parent(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Let the kernel end the program when its supervisor dies, so that none is left that nobody knows."""
    return ("setpriv", "--pdeathsig", "KILL", "--", *argv)
