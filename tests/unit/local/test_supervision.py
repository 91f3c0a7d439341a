"""The supervisor's configuration, and the tokens of the sample's actors."""

from __future__ import annotations

import configparser
import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidKeyIdError
from joserfc.jwk import KeySet
from supervisor.datatypes import dict_of_key_value_pairs

from deploy.local.layout import Layout
from deploy.local.problems import Problem
from deploy.local.supervision import SERVERS, SERVICES, Program, render
from deploy.local.tokens import ACTORS, Actor, Issuer, actor, issuer_url


@pytest.fixture
def configuration() -> configparser.RawConfigParser:
    """Of a server and two processes of a service, in folders with odd names."""
    odd = Path("/a folder/100%")
    programs = [
        Program(SERVERS, "kafka", ["java", "-cp", "a b.jar"], odd, user="kafka", restart="true"),
        Program(SERVICES, "sync-api", ["python", "-m", "sync"], odd, {"CRM_X": "50%=="}),
        Program(SERVICES, "sync-worker", ["python"], odd, stop_signal=signal.SIGINT),
    ]
    parser = configparser.RawConfigParser()
    parser.read_string(render(programs, odd / "logs", odd, Path("/tmp/socket")))
    return parser


def test_it_is_controlled_by_a_private_socket_only(configuration: configparser.RawConfigParser) -> None:
    assert not configuration.has_section("inet_http_server")
    assert configuration["unix_http_server"]["chmod"] == "0700"


def test_a_refused_configuration_is_an_expected_end(configuration: configparser.RawConfigParser) -> None:
    assert configuration["program:sync-api"]["exitcodes"] == "0,78"
    assert configuration["program:sync-api"]["autorestart"] == "unexpected"
    assert configuration["program:kafka"]["autorestart"] == "true"


def test_children_of_children_are_ended_too(configuration: configparser.RawConfigParser) -> None:
    for name in ("kafka", "sync-api", "sync-worker"):
        assert configuration[f"program:{name}"]["stopasgroup"] == "true"
        assert configuration[f"program:{name}"]["killasgroup"] == "true"
    assert configuration["program:sync-worker"]["stopsignal"] == "INT"
    assert configuration["program:sync-api"]["stopsignal"] == "TERM"


def test_servers_stop_after_what_uses_them(configuration: configparser.RawConfigParser) -> None:
    first, last = configuration[f"group:{SERVERS}"], configuration[f"group:{SERVICES}"]
    assert int(first["priority"]) < int(last["priority"])
    assert last["programs"] == "sync-api,sync-worker"


def test_percent_signs_and_spaces_survive(configuration: configparser.RawConfigParser) -> None:
    assert configuration["program:kafka"]["command"] == "java -cp 'a b.jar'"
    assert configuration["program:kafka"]["directory"] == "/a folder/100%%"
    assert configuration["program:sync-api"]["environment"] == 'CRM_X="50%%=="'


def test_supervisord_reads_quotes_in_the_environment() -> None:
    told = {"KEY": '{"kty": "OKP", "d": "a=b,c"}', "CRM_X": "it's"}
    parser = configparser.RawConfigParser()
    parser.read_string(render([Program(SERVICES, "x", ["x"], Path("/"), told)], Path("/"), Path("/"), Path("/s")))
    assert dict_of_key_value_pairs(parser["program:x"]["environment"]) == told


def test_logs_are_rotated(configuration: configparser.RawConfigParser) -> None:
    for section in configuration.sections():
        if section.startswith("program:"):
            assert configuration[section]["stdout_logfile_maxbytes"] == "10MB"
            assert configuration[section]["redirect_stderr"] == "true"


class TestTokens:
    """What ``Issuer`` signs."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Layout:
        return Layout(tmp_path)

    def keys(self, place: Layout) -> KeySet:
        Issuer(place).publish()
        return KeySet.import_key_set(json.loads(place.jwks.read_text()))

    @pytest.mark.parametrize("someone", ACTORS)
    def test_each_actor_gets_a_token_that_the_public_key_confirms(self, place: Layout, someone: Actor) -> None:
        token = Issuer(place).issue_for(someone, minutes=5)
        claims = jwt.decode(token, self.keys(place), algorithms=["ES256"]).claims
        assert (claims["iss"], claims["aud"]) == (issuer_url(), "crm")
        assert (claims["sub"], claims["name"]) == (someone.subject, someone.name)
        assert claims["roles"] == list(someone.roles)
        assert claims["exp"] - claims["iat"] == 300
        assert abs(datetime.fromtimestamp(claims["iat"], UTC) - datetime.now(UTC)) < timedelta(minutes=1)

    def test_another_folders_key_confirms_nothing(self, place: Layout, tmp_path: Path) -> None:
        token = Issuer(place).issue("anna", "Anna", ("agent",))
        with pytest.raises(InvalidKeyIdError):
            jwt.decode(token, self.keys(Layout(tmp_path / "other")), algorithms=["ES256"])

    def test_a_token_runs_out(self, place: Layout) -> None:
        token = Issuer(place).issue("anna", "Anna", ("agent",), minutes=-1)
        claims = jwt.decode(token, self.keys(place), algorithms=["ES256"]).claims
        with pytest.raises(ExpiredTokenError):
            jwt.JWTClaimsRegistry().validate(claims)

    def test_only_the_public_half_is_published(self, place: Layout) -> None:
        self.keys(place)
        assert '"d"' not in place.jwks.read_text()
        private = place.secrets / "token-keys.json"
        assert '"d"' in private.read_text()
        assert private.stat().st_mode & 0o777 == 0o600

    def test_an_unknown_actor_is_a_problem(self) -> None:
        with pytest.raises(Problem, match="Nobody here is called 'nobody'"):
            actor("nobody")
