"""Configuration: defaults, one sentence per wrong value, and a complete example file."""

import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from config import CONFIGURED_SERVER_IMAGE_PATH, PRINTED_PASSWORDS, Config
from saiweb.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / ".env.example"
OF_THE_LAUNCHER = {"SAIWEB_EMBEDDED_SOCKET", "SAIWEB_DEMO"}
CONFIGURED = {"SAI_DB_HOST": "db.example.org", "SAI_DB_PASSWORD": "a-private-one"}


def example_lines() -> dict[str, str]:
    return dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def variables() -> set[str]:
    return {one.metadata["variable"] for one in fields(Config)}


def test_the_example_names_every_variable_and_no_other() -> None:
    assert set(example_lines()) == variables() - OF_THE_LAUNCHER


def test_the_defaults_in_the_example_are_the_programs() -> None:
    environ = {name: value for name, value in example_lines().items() if name not in ("SAI_DB_HOST", "N8N_DB_HOST")}
    read, default = Config.from_env(environ), Config.from_env({})
    for one in fields(Config):
        if one.name not in ("n8n_storage_paths", "image_cache_path"):
            assert getattr(read, one.name) == getattr(default, one.name), one.metadata["variable"]


def test_the_plans_variables_have_the_plans_defaults() -> None:
    config = Config.from_env(CONFIGURED)
    assert (config.db_port, config.db_name, config.db_user) == (5432, "sai_dashboard", "sai_dashboard_user")
    assert config.image_cache_path == CONFIGURED_SERVER_IMAGE_PATH
    assert config.image_max_bytes == 50 * 1024 * 1024
    assert (config.etl_batch_size, config.etl_max_concurrent, config.etl_retry_attempts) == (50, 5, 3)
    assert (config.sse_execution_interval_ms, config.sse_statistics_interval_ms) == (10_000, 30_000)
    assert (config.sse_incident_interval_ms, config.sse_review_interval_ms) == (15_000, 45_000)
    assert (config.sse_health_interval_ms, config.sse_max_clients) == (60_000, 200)
    assert config.alert_max_age == timedelta(hours=6)


def test_the_image_cache_lies_in_the_data_folder_with_the_embedded_server(tmp_path: Path) -> None:
    assert Config.from_env({"SAI_DATA_PATH": str(tmp_path)}).image_cache_path == tmp_path / "images"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SAI_DB_PORT", "70000"),
        ("SAI_DB_PORT", "5432x"),
        ("SAI_HTTP_PORT", "-1"),
        ("IMAGE_CACHE_MAX_SIZE", "50 fish"),
        ("IMAGE_CACHE_MAX_SIZE", "0MB"),
        ("GENERATE_THUMBNAILS", "perhaps"),
        ("ETL_MAX_CONCURRENT", "0"),
        ("ALERT_MAX_AGE", "6"),
        ("SAI_TIMEZONE", "Cordoba"),
        ("SAI_TIMEZONE", "../../etc/passwd"),
        ("SAI_WORKFLOW_IDS", "ok,not ok;"),
        ("SAI_WORKFLOW_IDS", " , "),
        ("SAI_RISK_SMOKE_HIGH", "1.5"),
        ("N8N_PUBLIC_URL", "javascript:alert(1)"),
        ("SSE_EXECUTION_INTERVAL", "10s"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        Config.from_env({variable: value})
    sentences = str(error.value).splitlines()
    assert len(sentences) == 1
    assert sentences[0].startswith(variable)
    assert sentences[0].endswith(".")


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        Config.from_env({"SAI_DB_PORT": "x", "ETL_BATCH_SIZE": "y"})
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize("password", sorted(PRINTED_PASSWORDS))
def test_a_printed_password_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(ConfigError, match="printed in documentation") as error:
        Config.from_env({**CONFIGURED, "SAI_DB_PASSWORD": password})
    assert f" {password} " not in str(error.value).replace("SAI_DB_PASSWORD", "")


def test_no_file_of_the_project_holds_a_working_password() -> None:
    values = example_lines()
    assert not any(values[name] for name in values if "PASSWORD" in name or name == "SECRET_KEY")


def test_secrets_do_not_show_when_the_configuration_is_printed() -> None:
    config = Config.from_env({**CONFIGURED, "SECRET_KEY": "s" * 40, "N8N_DB_PASSWORD": "another-private-one"})
    assert "a-private-one" not in repr(config)
    assert "another-private-one" not in repr(config)
    assert "ssss" not in repr(config)


def test_a_server_needs_its_password_and_a_secret_key_its_length() -> None:
    with pytest.raises(ConfigError, match="SAI_DB_PASSWORD must be set"):
        Config.from_env({"SAI_DB_HOST": "db.example.org"})
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        Config.from_env({"SECRET_KEY": "short"})


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    config = Config.from_env({"SAI_DATA_PATH": str(tmp_path)})
    key = config.load_secret_key()
    assert len(key) == 64
    assert config.load_secret_key() == key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_odd_characters_survive_in_a_connection_string() -> None:
    config = Config.from_env({**CONFIGURED, "SAI_DB_PASSWORD": "it's a \\ secret"})
    parts = conninfo_to_dict(config.dashboard_conninfo())
    assert parts["password"] == "it's a \\ secret"
    assert parts["user"] == "sai_dashboard_user"


def test_without_a_server_there_is_no_connection_outside_saiweb_run() -> None:
    with pytest.raises(ConfigError, match="saiweb run"):
        Config.from_env({}).dashboard_conninfo()
