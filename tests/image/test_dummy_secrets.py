"""Dummies: placeholders for a secret, or passwords for a service on the same machine."""

from __future__ import annotations

import pytest

from layerscope.image.dummy_secrets import is_dummy, is_dummy_at


@pytest.mark.parametrize(
    "value",
    [
        *("postgres", "root", "admin123", "changeme!", "super-secret-password", "notasecret1"),
        *("dummy-7f3a9c", "build-time-only", "not_used_at_build", "django-insecure-x7k2p9m4"),
        *("P@ssw0rd", "yourStrong(!)Password", "aaaaaaaa", "1234567890", "secret2024", "XXXXXXXX"),
        *("postgresql://postgres:postgres@localhost:5432/postgres", "redis://:x7k2p9@127.0.0.1/0"),
        *("mysql://root:root@mysql:3306/app", "postgres://u:Zk39f8@[::1]/x", "amqp://app:app@mq"),
        *("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "'placeholder'", "SECRET_KEY_BASE_DUMMY"),
    ],
)
def test_dummies_are_recognised(value: str) -> None:
    """They are ordinary words, words such as `dummy`, or belong to services on the same machine."""
    assert is_dummy(value)


@pytest.mark.parametrize(
    "value",
    [
        *("correct-horse", "hunter22", "abc123def456", "a1B2a1B2a1B2", "Zk39f8sQ", "battery-staple"),
        *("postgres://app:Zk39f8sQ@db.corp.test/app", "redis://:hunter22@cache:6379", "0f3a9c0f3a9c"),
        *("tY7Kp2mWq9Xz4Lr8Vb3Nc6Jd1Fg5Hs0Ra7Ue2Io4", "abcdef0123456789", "2849173650", "пароль99"),
    ],
)  # fmt: skip
def test_real_values_are_not_dummies(value: str) -> None:
    """This includes weak passwords."""
    assert not is_dummy(value)


def test_user_and_host_of_a_url_are_considered() -> None:
    """A password for localhost, or equal to the user, is a dummy."""
    for text, dummy in {
        "x postgres://me:Zk39f8sQ@localhost:5432/x": True,
        "x postgres://me:Zk39f8sQ@db.corp.test/x": False,
        "x postgres://Zk39f8sQ:Zk39f8sQ@db.corp.test/x": True,
    }.items():
        end = text.rindex("@")
        assert is_dummy_at(text, end - 8, end) == dummy


@pytest.mark.parametrize("part", ["a", "ab", "test", "a1", "://a:", "@", "x://a:b@"])
def test_hostile_values_take_linear_time(part: str) -> None:
    """Splitting into words does not try all combinations."""
    for length in (64, 128, 60_000):
        assert isinstance(is_dummy(part * (length // len(part))), bool)
