from __future__ import annotations

from datetime import timedelta

import pytest

from controller.errors import Place
from controller.model.manifest import AfterMerge, Approval, EnvironmentConfig, Follow, Limits, OnRemoval
from tests.manifest_factories import Files, cases, complaints, config_of

# The key of BIP 173's checksum is right in the first and wrong in the second.
AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
MISTYPED = AGE[:-1] + "q"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN ada@example.org"


def written(text: str, project: str = "", **more: str) -> EnvironmentConfig:
    return config_of({"dev/environment.yaml": text, "project.yaml": project, **more})


def refused(text: str, project: str = "", **more: str) -> list[str]:
    files: Files = {"dev/environment.yaml": text, "project.yaml": project, "staging/environment.yaml": "", **more}
    return [line.removeprefix("projects/shop/") for line in complaints(lambda: config_of(files))]


def test_every_key_is_read() -> None:
    text = f"""\
        type: production
        uuid: 6F1C0E2E-8A86-4E5B-9D6C-0C0A2F1B3D4E
        source: environment://staging
        follow: any
        after: [staging]
        images: {{api: ghcr.io/acme/api:1, web/main: nginx}}
        approval: plan
        limits: {{destroy: 2, replace: unlimited}}
        protected: [postgres]
        self_approval: false
        after_merge: hold
        on_removal: keep
        drift: {{every: 1h30m, heal: true}}
        mode: observe
        recipients: [{AGE}]
        output_recipients: ["{SSH}"]
        """
    assert written(text, **{"staging/environment.yaml": ""}) == EnvironmentConfig(
        type="production",
        place=Place("projects/shop/dev/environment.yaml"),
        uuid="6f1c0e2e-8a86-4e5b-9d6c-0c0a2f1b3d4e",
        source="environment://staging",
        follow="any",
        after=("staging",),
        images={"api": "ghcr.io/acme/api:1", "web/main": "nginx"},
        approval=Approval.PLAN,
        limits=Limits(2, None),
        protected=("postgres",),
        self_approval=False,
        after_merge=AfterMerge.HOLD,
        on_removal=OnRemoval.KEEP,
        drift_every=timedelta(hours=1.5),
        drift_heal=True,
        mode=Follow.OBSERVE,
        recipients=(AGE,),
        output_recipients=(SSH,),
    )


def test_an_environment_without_settings_has_the_defaults() -> None:
    assert config_of({"qa/manifest.yaml": ""}, "qa") == EnvironmentConfig("development", Place("projects/shop/qa"))


@pytest.mark.parametrize(
    ("name", "own", "default", "type_"),
    cases(
        {
            "own": ("staging", "type: production", "type: development", "production"),
            "directory": ("staging", "", "type: production", "staging"),
            "project": ("qa", "", "type: production", "production"),
            "fallback": ("qa", "", "", "development"),
            "null-is-not-given": ("qa", "type:", "type: production", "development"),
        }
    ),
)
def test_the_type_is_its_own_else_the_directory_s_else_the_project_s(
    name: str, own: str, default: str, type_: str
) -> None:
    files = {f"{name}/environment.yaml": own, "project.yaml": f"defaults: {{{default}}}"}
    assert config_of(files, name).type == type_


def test_project_defaults_hold_where_the_environment_says_nothing() -> None:
    project = f"""\
        display_name: The Shop
        recipients: [{AGE}]
        defaults:
          approval: none
          limits: {{destroy: 1, replace: 2}}
          images: {{api: "a:1", web: "w:1"}}
          recipients: ["{SSH}"]
          protected: [postgres]
        """
    found = written(
        f"limits: {{replace: unlimited}}\nimages: {{api: 'a:2'}}\nprotected:\nrecipients: ['{SSH}']", project
    )
    assert found == EnvironmentConfig(
        type="dev",
        place=Place("projects/shop/dev/environment.yaml"),
        approval=Approval.NONE,
        limits=Limits(1, None),
        images={"api": "a:2", "web": "w:1"},
        recipients=(AGE, SSH),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    cases(
        {
            "unknown-key": ("aproval: plan", "1:1: unknown key `aproval`; did you mean `approval`?"),
            "unknown-type": (
                "type: prodction",
                "1:7: environment type `prodction` does not exist; did you mean `production`?",
            ),
            "enum": ("approval: destory", "1:11: `destory` is not a value of `approval`; did you mean `destroy`?"),
            "limit": (
                "limits: {destroy: none}",
                "1:19: `destroy` must be a whole number or `unlimited`, not the text `none`; "
                "write a whole number or `unlimited`",
            ),
            "negative-limit": ("limits: {destroy: -1}", "1:19: `destroy` is -1; use a number of at least 0"),
            "uuid": ("uuid: 6f1c", "1:7: `6f1c` is not a valid UUID; write it as 8-4-4-4-12 hexadecimal digits"),
            "scheme": (
                "source: staging",
                "1:9: `staging` is no source of a manifest; write `environment://NAME` or `deployment://ID`",
            ),
            "itself": (
                "source: environment://dev",
                "1:9: an environment cannot be its own source; name another environment",
            ),
            "follow": ("follow: any", "1:1: `follow` means nothing without `source`; remove it, or add `source`"),
            "after-unknown": (
                "after: [stagin]",
                "1:9: project `shop` has no environment `stagin`; did you mean `staging`?",
            ),
            "after-itself": ("after: [dev]", "1:9: an environment cannot wait for itself; remove it from `after`"),
            "duration": (
                "drift: {every: 6 hours}",
                "1:16: `6 hours` is not a valid duration; write it as `6h`, `30m` or `1d12h`",
            ),
            "too-often": ("drift: {every: 5s}", "1:16: `5s` is too often; use at least `1m`"),
            "image": (
                "images: {api: .}",
                "1:15: the image is `.` here too; name the image that stands for `.` in the Score file",
            ),
            "image-key": (
                "images: {api/main/x: a}",
                "1:10: `api/main/x` names no workload or container; "
                "write the name of a workload, or `workload/container`",
            ),
            "private-key": (
                "recipients: [AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX]",
                "1:14: this is a private key; take it out of Git, replace it, and write its public half here",
            ),
            "mistyped-age": (
                f"recipients: [{MISTYPED}]",
                "1:14: this is not an age recipient: characters are missing or mistyped; copy it again",
            ),
            "mistyped-ssh": (
                f"recipients: ['{SSH[:-40]}']",
                "1:14: this is not an SSH public key: characters are missing or mistyped; copy it again",
            ),
            "no-key": (
                "recipients: [ada@example.org]",
                "1:14: `ada@example.org` is no recipient; write a public key: `age1…`, `ssh-ed25519 …` or `ssh-rsa …`",
            ),
        }
    ),
)
def test_what_is_wrong_in_environment_yaml_is_said(text: str, message: str) -> None:
    assert refused(text) == [f"dev/environment.yaml:{message}"]


def test_all_problems_of_environment_yaml_are_reported_at_once() -> None:
    assert refused("typ: x\ntype: prodction\nafter: [nowhere]\nmode: watch") == [
        "dev/environment.yaml:1:1: unknown key `typ`; did you mean `type`?",
        "dev/environment.yaml:2:7: environment type `prodction` does not exist; did you mean `production`?",
        "dev/environment.yaml:3:9: project `shop` has no environment `nowhere`; it has `staging`",
        "dev/environment.yaml:4:7: `watch` is not a value of `mode`; use `follow` or `observe`",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    cases(
        {
            "unknown-key": ("dispaly_name: x", "1:1: unknown key `dispaly_name`; did you mean `display_name`?"),
            "unknown-default": ("defaults: {aproval: none}", "1:12: unknown key `aproval`; did you mean `approval`?"),
            "identity": (
                "defaults: {uuid: 6f1c0e2e-8a86-4e5b-9d6c-0c0a2f1b3d4e}",
                "1:12: unknown key `uuid`; known here: `after`, `after_merge`, `approval`, `drift`, `follow`, "
                "`images`, `limits`, `mode`, `on_removal`, `output_recipients`, `protected`, `recipients`, "
                "`self_approval`, `source` and `type`",
            ),
            "display-name": (
                "display_name: x",
                "1:15: `x` is not a valid display name; use 2 to 60 printable characters, with single spaces inside",
            ),
            "previews": ("previews: {}", "1:1: previews are not made by this release; remove `previews`"),
        }
    ),
)
def test_what_is_wrong_in_project_yaml_is_said(text: str, message: str) -> None:
    assert refused("", text) == [f"project.yaml:{message}"]


def test_a_default_that_cannot_hold_is_reported_where_it_stands() -> None:
    assert refused("", "defaults:\n  type: prodction") == [
        "project.yaml:2:9: environment type `prodction` does not exist; did you mean `production`?"
    ]
