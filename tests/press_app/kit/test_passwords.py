"""Password hashing."""

import time

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from press_app.kit.passwords import hash_password, verify_password


class TestVerifyPassword:
    def test_tells_right_from_wrong(self) -> None:
        stored = hash_password("correct horse")
        assert verify_password("correct horse", stored) == (True, None)
        assert verify_password("wrong horse", stored) == (False, None)
        assert verify_password("nobody has this password", None) == (False, None)

    def test_renews_a_hash_of_weaker_parameters(self) -> None:
        weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),)).hash("old")
        good, renewed = verify_password("old", weak)
        assert good
        assert renewed is not None
        assert "m=19456" in renewed

    def test_takes_as_long_for_nobody_as_for_somebody(self) -> None:
        stored = hash_password("correct horse")

        def fastest(of: str | None) -> float:
            times = []
            for _ in range(9):
                # Processor time: what other programs do on this machine must not count.
                started = time.process_time()
                verify_password("wrong", of)
                times.append(time.process_time() - started)
            return min(times)

        assert 0.5 < fastest(None) / fastest(stored) < 2.0
