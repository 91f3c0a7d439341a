"""Whether manifests are what Kubernetes and the operators take, without a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema_rs
import kubernetes_validate

from deploy.kubernetes.schemas import Schemas

KUBERNETES = "1.34"
"""The release whose fields these are; later ones take them as well."""
_OWN_FIELDS = ("apiVersion", "kind", "metadata")


def problems(resources: Iterable[Any], schemas: Schemas) -> list[str]:
    """What is wrong with them: unknown or missing fields, wrong types, and names behind which there is nothing."""
    resources = list(resources)
    found = [problem for each in resources for problem in _of(each, schemas)]
    return [*found, *_twice(resources)]


def _of(resource: Any, schemas: Schemas) -> list[str]:
    name = f"{resource['kind']} {resource['metadata']['name']}"
    schema = schemas.get((resource["apiVersion"], resource["kind"]))
    if schema is not None:
        validator = jsonschema_rs.validator_for(closed(schema))
        return [
            f"{name}: {'.'.join(map(str, error.instance_path))}: {error.message}"
            for error in validator.iter_errors(resource)
        ]
    try:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.path))}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{name}: nobody here knows a {resource['kind']} of {resource['apiVersion']}"]
    return []


def closed(schema: Any) -> Any:
    """A schema of a resource that takes no field that it doesn't name, as an API server with strict validation."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if isinstance(properties := schema.get("properties"), Mapping):
        found["properties"] = {name: closed(value) for name, value in properties.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    if _is_metadata_alone(schema):
        found.pop("additionalProperties", None)
    return found


def _is_metadata_alone(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" and not schema.get("properties") and "additionalProperties" not in schema


def _twice(resources: list[Any]) -> list[str]:
    seen: set[tuple[str, str]] = set()
    found = []
    for each in resources:
        key = each["kind"], each["metadata"]["name"]
        if key in seen:
            found.append(f"{key[0]} {key[1]}: stands here twice")
        seen.add(key)
    return found
