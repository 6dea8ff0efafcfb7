"""What can a manifest of an environment ask for, by the files of a checkout?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import cli

SAMPLE = Path(__file__).parents[2] / "sample-repo"


def asked(capsys: pytest.CaptureFixture[str], *words: str, folder: Path = SAMPLE) -> tuple[int, str, str]:
    code = cli.main(["get", "available-resource-types", *words, "--repo", str(folder)])
    return (code, *capsys.readouterr())


def test_what_rules_offer_is_listed_offline(capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "shop", "staging", "dns") == (
        0,
        "TYPE  CLASS    ID     PARAMS                                 MODULE  DESCRIPTION\n"
        "dns   default  (any)  name: string, zone: string (optional)  dns     A public name.\n",
        "",
    )


def test_types_not_meant_for_developers_come_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    offered = json.loads(asked(capsys, "shop", "staging", "-o", "json")[1])["items"]
    everything = json.loads(asked(capsys, "shop", "staging", "-o", "json", "--all")[1])["items"]
    assert [item["id"] for item in offered] == ["bucket", "dns", "postgres", "queue", "route", "volume"]
    assert sorted({item["id"] for item in everything} - {item["id"] for item in offered}) == [
        "backup",
        "dashboard",
        "gateway",
        "network",
        "postgres-server",
        "score-workload",
    ]
    assert everything[1]["options"][0] == {
        "resource_class": "default",
        "resource_id": None,
        "rule": everything[1]["options"][0]["rule"],
        "module_id": "bucket",
        "module_params": everything[1]["options"][0]["module_params"],
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("shop", "staging", "postgress"),
            "environment `shop/staging` is offered no resource type `postgress`; did you mean `postgres`?\n",
        ),
        (
            ("shop", "staging", "network"),
            "environment `shop/staging` is offered no resource type `network`; give `--all` for those that are not "
            "meant for developers\n",
        ),
        (("shop", "stagin"), "environment `shop/stagin` is not declared; did you mean `staging`?\n"),
        (("shpo", "staging"), "project `shpo` is not declared; did you mean `shop`?\n"),
    ],
)
def test_what_there_is_not_says_what_was_meant(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert asked(capsys, *words) == (6, "", told)


def test_of_a_broken_platform_nothing_is_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is broken would be missing in the list, as if nobody offered it."""
    repo = tmp_path / "repo"
    shutil.copytree(SAMPLE, repo)
    path = repo / "platform/modules/dns/module.yaml"
    path.write_text(path.read_text().replace("resource_type:", "resource_typ:"))
    code, out, err = asked(capsys, "shop", "staging", folder=repo)
    assert (code, out) == (1, "")
    assert "unknown key `resource_typ`; did you mean `resource_type`?" in err
