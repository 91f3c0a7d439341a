"""The manifests: Kubernetes and the operators would take them, names lead to something, one truth for the rights."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import blocks
from deploy.kafka import acls
from deploy.kubernetes import backing, block, checks, company, workload
from deploy.kubernetes.__main__ import parts, write
from deploy.kubernetes.names import COMPANY, FOLDER, NAMESPACE
from deploy.local import layout
from shared.edge.settings import load

SERVICES = layout.services()


def everything() -> list[Any]:
    return [each for files in parts().values() for made in files.values() for each in made]


def of_kind(kind: str, resources: list[Any] | None = None) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in resources or everything() if each["kind"] == kind}


def pods(resources: list[Any] | None = None) -> Iterator[tuple[str, Any]]:
    for each in resources or everything():
        if each["kind"] in ("Deployment", "Job"):
            yield each["metadata"]["name"], each["spec"]["template"]


def test_the_fields_of_kubernetes_own_kinds_are_its() -> None:
    own = [each for each in everything() if each["kind"] not in ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser")]
    own = [each for each in own if each["kind"] not in ("Cluster", "ScaledObject", "PodMonitor", "PrometheusRule")]
    assert checks.problems([*own, *company.secret_resources(SERVICES)], {}) == []


def test_a_field_that_kubernetes_does_not_know_is_named() -> None:
    deployment = copy.deepcopy(of_kind("Deployment")["sync-api"])
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    assert any("readynessProbe" in problem for problem in checks.problems([deployment], {}))


def test_an_operators_schema_takes_no_field_that_it_does_not_name() -> None:
    schema = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {
                    "replicas": {"type": "integer"},
                    "config": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            },
        },
    }
    good = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": "sync.events", "labels": {"a": "b"}},
        "spec": {"replicas": 3, "config": {"retention.ms": "-1"}},
    }
    known = {("kafka.strimzi.io/v1", "KafkaTopic"): schema}
    assert checks.problems([good], known) == []
    bad = good | {"spec": {"replicas": "3", "partition": 12}}
    assert len(checks.problems([bad], known)) == 2


def test_the_same_thing_twice_is_named() -> None:
    twice = [of_kind("Service")["sync"]] * 2
    assert checks.problems(twice, {}) == ["Service sync: stands here twice"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_name_leads_to_something(service: str) -> None:
    resources = [*block.resources(service), *backing.of_service(service)]
    labels = [template["metadata"]["labels"] for _, template in pods(resources)]
    for each in resources:
        spec = each.get("spec", {})
        wanted = spec.get("podSelector", spec.get("selector", {}))
        wanted = wanted.get("matchLabels", wanted)
        if each["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
            assert any(wanted.items() <= found.items() for found in labels), each["metadata"]["name"]
        if target := spec.get("scaleTargetRef"):
            assert target["name"] in of_kind("Deployment", resources)
    databases = of_kind("Cluster", resources)
    made = {each["metadata"]["name"] for each in company.secret_resources([service])}
    made |= {f"{name}-ca" for name in databases} | set(of_kind("KafkaUser", resources)) | {"crm-cluster-ca-cert"}
    for _, template in pods(resources):
        for source in template["spec"]["volumes"][1]["projected"]["sources"]:
            assert source["secret"]["name"] in made
    roles = databases[f"{service}-db"]["spec"]["managed"]["roles"]
    assert {role["passwordSecret"]["name"] for role in roles} < made


@pytest.mark.parametrize("service", SERVICES)
def test_each_process_is_told_all_that_it_needs_and_has_no_other_role(service: str, tmp_path: Path) -> None:
    secrets = of_kind("Secret", company.secret_resources(SERVICES))
    told_by_company = of_kind("ConfigMap")[COMPANY]["data"]
    for process in [blocks.migration(service), *blocks.processes(service)]:
        environment = workload.environment(process)
        url = secrets[f"{service}-{process.role}"]["stringData"]["url"]
        texts = {blocks.database_secret(service, process.role): url}
        texts |= secrets["crm-keys"]["stringData"]
        for name in process.secrets().values():
            (tmp_path / name).write_text(texts.get(name, ""))
        settings = load(
            service, told_by_company | {k: v.replace(FOLDER, str(tmp_path)) for k, v in environment.items()}
        )
        assert f"//{blocks.login(service, process.role)}:" in settings.database_url
        assert settings.kafka["security.protocol"] == "SASL_SSL"
        assert settings.replication == backing.REPLICATION


def test_all_pods_are_of_the_restricted_kind_and_limited() -> None:
    found = dict(pods())
    assert len(found) == 1 + sum(len(blocks.processes(service)) + 1 for service in SERVICES)
    for name, template in found.items():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not pod["automountServiceAccountToken"], name
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"], name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} <= set(container["resources"]["limits"]), name
            if "-migrate" not in name:
                assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), name


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_is_asked_in_from_everywhere_and_only_its_own_database_is_reached(service: str) -> None:
    for policy in of_kind("NetworkPolicy", block.resources(service)).values():
        assert all(rule.get("from") for rule in policy["spec"]["ingress"])
        reached = [rule["to"] for rule in policy["spec"]["egress"] if rule["ports"][0]["port"] == 5432]
        assert reached == [[{"podSelector": {"matchLabels": {"cnpg.io/cluster": f"{service}-db"}}}]]


@pytest.mark.parametrize("service", SERVICES)
def test_strimzi_gives_the_rights_that_stand_in_the_table_and_no_others(service: str) -> None:
    given = backing.of_service(service)
    rights = of_kind("KafkaUser", given)[service]["spec"]["authorization"]["acls"]
    told = {
        (op, right["resource"]["type"], right["resource"]["name"], right["resource"]["patternType"])
        for right in rights
        for op in right["operations"]
    }
    patterns = {True: "prefix", False: "literal"}
    assert told == {
        (op.name.title(), rule.kind.name.lower(), rule.name, patterns[rule.begins])
        for rule in acls.rules_of(service)
        for op in rule.operations
    }


def test_events_are_kept_for_ever_and_keys_compacted() -> None:
    topics = of_kind("KafkaTopic")
    for service in SERVICES:
        assert topics[f"{service}.events"]["spec"]["config"]["retention.ms"] == "-1"
        assert topics[f"{service}.keys"]["spec"]["config"]["cleanup.policy"] == "compact"
        assert topics[f"{service}.events"]["spec"]["config"]["min.insync.replicas"] == "2"


def test_each_part_can_be_applied_alone(tmp_path: Path) -> None:
    write(tmp_path)
    for folder in tmp_path.iterdir():
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        assert kustomization["namespace"] == NAMESPACE
        assert all((folder / each).exists() for each in kustomization["resources"])
