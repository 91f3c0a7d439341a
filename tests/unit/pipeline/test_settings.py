"""The environment is checked all at once, and Kafka's settings pass through."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.edge.settings import BadSettings, Settings, load, unknown, variable
from tests.builders import KEKS

OURS = "CRM_"
"""Put before what is misspelt, so that it isn't taken for a variable that has to be described."""
SOUND = {
    "CRM_SYNC_DATABASE_URL": "postgresql+psycopg://u:p@h/sync",
    "CRM_SYNC_PORT": "8102",
    "CRM_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "CRM_KEY_ENCRYPTION_KEYS": KEKS,
    "CRM_TOKEN_ISSUER": "https://id.example",
    "CRM_JWKS_FILE": "/etc/crm/jwks.json",
}


def test_sound_settings_are_loaded_with_their_defaults() -> None:
    settings = load("sync", SOUND)
    assert settings.database_url == SOUND["CRM_SYNC_DATABASE_URL"]
    assert settings.port == 8102
    assert settings.jwks_file == Path("/etc/crm/jwks.json")
    assert (settings.partitions, settings.host, settings.notify_url) == (12, "127.0.0.1", "")


def test_another_service_s_settings_aren_t_taken() -> None:
    with pytest.raises(BadSettings, match="CRM_CALLCENTER_DATABASE_URL"):
        load("callcenter", SOUND)


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        load("sync", {})
    for name in SOUND.keys() - {"CRM_JWKS_FILE"}:
        assert name in str(refused.value)


def test_everything_that_is_wrong_is_named_at_once_without_its_value() -> None:
    wrong = {"CRM_SYNC_PORT": "secret-port", "CRM_PARTITIONS": "0", "CRM_PARKED_SHARE": "1.5", "CRM_REPLICATION": "x"}
    with pytest.raises(BadSettings) as refused:
        load("sync", SOUND | wrong)
    for name in wrong:
        assert name in str(refused.value)
    assert "secret-port" not in str(refused.value)


def test_kafka_s_settings_pass_through() -> None:
    tls = {
        "CRM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "CRM_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "CRM_KAFKA_SASL_PASSWORD": "Ab_c.D",
        "CRM_KAFKA_SSL_CA_LOCATION": "/etc/ca.pem",
    }
    assert load("sync", SOUND | tls).kafka == {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.password": "Ab_c.D",
        "ssl.ca.location": "/etc/ca.pem",
    }


def test_links_to_the_services_that_are_there_are_taken() -> None:
    settings = load("sync", SOUND | {"CRM_CALLCENTER_URL": "https://calls.example", "CRM_SFA_URL": ""})
    assert settings.urls == {"callcenter": "https://calls.example"}


def test_each_setting_s_description_names_its_variable() -> None:
    for name, field in Settings.model_fields.items():
        if name in ("service", "kafka", "urls"):
            continue
        assert (field.description or "").startswith(variable(name, "{S}").replace("{s}", "{S}")), name


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "keys"
    secret.write_text(KEKS + "\n")
    given = {name: value for name, value in SOUND.items() if name != "CRM_KEY_ENCRYPTION_KEYS"}
    given |= {"CRM_KEY_ENCRYPTION_KEYS_FILE": str(secret), "CRM_KAFKA_SASL_PASSWORD_FILE": str(secret)}
    loaded = load("sync", given)
    assert loaded.key_encryption_keys == KEKS
    assert loaded.kafka["sasl.password"] == KEKS
    assert "sasl.password.file" not in loaded.kafka


def test_a_file_that_can_t_be_read_is_named_and_not_shown() -> None:
    with pytest.raises(BadSettings, match="CRM_KEY_ENCRYPTION_KEYS_FILE: can't be read") as refused:
        load("sync", SOUND | {"CRM_KEY_ENCRYPTION_KEYS_FILE": "/nowhere/secret"})
    assert "/nowhere" not in str(refused.value)


def test_settings_don_t_show_their_secrets() -> None:
    shown = repr(load("sync", SOUND))
    assert SOUND["CRM_KEY_ENCRYPTION_KEYS"] not in shown
    assert SOUND["CRM_SYNC_DATABASE_URL"] not in shown


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("PARTITION", "CRM_PARTITIONS"),
        ("SYNC_DATABSE_URL", "CRM_SYNC_DATABASE_URL"),
        ("SYNC_METRIC_PORT", "CRM_SYNC_METRICS_PORT"),
        ("KEY_ENCRYPTION_KEY_FILE", "CRM_KEY_ENCRYPTION_KEYS"),
        ("SALES_URL", "CRM_SFA_URL"),
    ],
)
def test_what_is_misspelt_is_named_with_what_is_like_it(given: str, meant: str) -> None:
    assert unknown({OURS + given: "secret"}) == [f"{OURS}{given}: nothing reads it; is {meant} meant?"]


def test_what_is_like_nothing_is_named_too() -> None:
    assert unknown({OURS + "WHATEVER": "x"}) == [f"{OURS}WHATEVER: nothing reads it"]


def test_what_is_read_somewhere_isn_t_named() -> None:
    others = {
        "CRM_MARKETING_PORT": "1",
        "CRM_SFA_KAFKA_SASL_PASSWORD": "x",
        "CRM_CALLCENTER_URL": "x",
        "CRM_SYNC_DATABASE_URL_FILE": "/x",
        "CRM_LOCAL_DIR": "x",
        "CRM_TEST_DATABASE_URL": "x",
        "PATH": "x",
    }
    assert unknown(SOUND | others) == []
