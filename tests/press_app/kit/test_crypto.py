"""Secrets at rest, tokens, fingerprints."""

import pytest

from press_app.kit.crypto import (
    SecretUnreadable,
    Vault,
    b64,
    fingerprint,
    is_same,
    new_password,
    new_token,
    unb64,
)

PLACE = "site/1/admin-password"


class TestVault:
    def test_opens_what_it_sealed(self) -> None:
        vault = Vault(b"master")
        sealed = vault.seal("pässword", PLACE)
        assert "pässword".encode() not in sealed
        assert vault.open(sealed, PLACE) == "pässword"

    def test_seals_the_same_text_differently_each_time(self) -> None:
        vault = Vault(b"master")
        assert vault.seal("same", PLACE) != vault.seal("same", PLACE)

    def test_refuses_a_ciphertext_that_was_moved_to_another_row(self) -> None:
        vault = Vault(b"master")
        with pytest.raises(SecretUnreadable):
            vault.open(vault.seal("secret", PLACE), "site/2/admin-password")

    def test_refuses_another_master_key_and_does_not_tell_the_secret(self) -> None:
        with pytest.raises(SecretUnreadable) as refusal:
            Vault(b"other").open(Vault(b"master").seal("canary", PLACE), PLACE)
        assert "canary" not in refusal.value.message

    @pytest.mark.parametrize("position", [0, 11, 12, 20, -1])
    def test_refuses_a_changed_byte(self, position: int) -> None:
        vault = Vault(b"master")
        sealed = bytearray(vault.seal("a secret text", PLACE))
        sealed[position] ^= 1
        with pytest.raises(SecretUnreadable):
            vault.open(bytes(sealed), PLACE)

    @pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 12, b"x" * 27])
    def test_refuses_what_was_never_sealed(self, sealed: bytes) -> None:
        with pytest.raises(SecretUnreadable):
            Vault(b"master").open(sealed, PLACE)


class TestTokens:
    def test_are_recognisable_long_and_never_the_same(self) -> None:
        tokens = {new_token("press") for _ in range(100)}
        assert len(tokens) == 100
        assert all(token.startswith("press_") and len(token) > 45 for token in tokens)
        assert len({new_password() for _ in range(100)}) == 100

    def test_are_kept_as_sha256(self) -> None:
        assert fingerprint("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert is_same("ä", "ä")
        assert not is_same("a", "b")


class TestBase64:
    @pytest.mark.parametrize("data", [b"", b"\xff", b"\xfb\xff\xfe", b"four"])
    def test_comes_back(self, data: bytes) -> None:
        assert unb64(b64(data)) == data
        assert "=" not in b64(data)
