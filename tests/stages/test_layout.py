from __future__ import annotations

import pytest

from controller.errors import Place, Problem
from controller.manifest import layout
from controller.manifest.layout import EnvironmentFiles, Found, Layout, ProjectFiles
from controller.model.tree import Kind
from tests.manifest_factories import Files, cases, complaints, link, tree

TOO_DEEP = "this looks like a project, and those lie directly in `projects`; move it there"


def found(files: Files) -> Found:
    return layout.find(tree(files), Layout())


def stray(name: str, directory: str = "an environment") -> str:
    return f"`{name}` is none of the files that {directory}'s directory holds, and no Score file mounts it; "


def wrong_names(files: Files) -> dict[str, list[str]]:
    return {slug: [str(problem) for problem in problems] for slug, problems in found(files).problems.items()}


def test_projects_and_environments_are_found_with_their_files() -> None:
    files = {
        "projects/shop/project.yaml": "",
        "projects/shop/base.manifest.yaml": "",
        "projects/shop/api.score.yaml": "",
        "projects/shop/files/motd.txt": "",
        "projects/shop/dev/manifest.yaml": "",
        "projects/shop/dev/web.score.yaml": "",
        "projects/shop/dev/api.score-overrides.yaml": "",
        "projects/shop/dev/files/values.yaml": "",
        "projects/shop/staging/environment.yaml": "",
        "projects/blog/live/score.yaml": "",
        "projects/.hidden/manifest.yaml": "",
        "projects/shop/.hidden/manifest.yaml": "",
        "projects/notes/README.md": "",
        "projects/README.md": "",
        "platform/modules/a.yaml": "",
    }
    blog = ProjectFiles(
        "blog",
        "projects/blog",
        environments=(
            EnvironmentFiles("blog", "live", "projects/blog/live", scores=("projects/blog/live/score.yaml",)),
        ),
    )
    dev = EnvironmentFiles(
        "shop",
        "dev",
        "projects/shop/dev",
        None,
        ("projects/shop/dev/manifest.yaml",),
        ("projects/shop/dev/web.score.yaml",),
        ("projects/shop/dev/api.score-overrides.yaml",),
    )
    staging = EnvironmentFiles("shop", "staging", "projects/shop/staging", "projects/shop/staging/environment.yaml")
    shop = ProjectFiles(
        "shop",
        "projects/shop",
        "projects/shop/project.yaml",
        ("projects/shop/base.manifest.yaml",),
        ("projects/shop/api.score.yaml",),
        (dev, staging),
    )
    assert found(files) == Found((blog, shop), {})


@pytest.mark.parametrize(
    ("path", "slug", "message"),
    cases(
        {
            "near-name": (
                "shop/dev/manifets.yaml",
                "shop/dev",
                stray("manifets.yaml") + "did you mean `manifest.yaml`?",
            ),
            "near-name-after-a-dot": (
                "shop/dev/api.manfest.yaml",
                "shop/dev",
                stray("api.manfest.yaml") + "did you mean `api.manifest.yaml`?",
            ),
            "yml": (
                "shop/dev/environment.yml",
                "shop/dev",
                stray("environment.yml") + "did you mean `environment.yaml`?",
            ),
            "capitals": (
                "shop/dev/MANIFEST.YAML",
                "shop/dev",
                stray("MANIFEST.YAML") + "did you mean `manifest.yaml`?",
            ),
            "json": ("shop/dev/api.score.json", "shop/dev", stray("api.score.json") + "did you mean `api.score.yaml`?"),
            "misspelt-ending": (
                "shop/staging/environment.ymal",
                "shop/staging",
                stray("environment.ymal") + "did you mean `environment.yaml`?",
            ),
            "beside-the-projects": (
                "api.manifest.yaml",
                "api.manifest.yaml",
                "`api.manifest.yaml` means nothing directly in `projects`; move it into a project's directory",
            ),
            "far-name": (
                "shop/dev/values.yaml",
                "shop/dev",
                stray("values.yaml") + "rename it to `values.manifest.yaml`, or move it into a folder of its own below",
            ),
            "project-directory": (
                "shop/projct.yaml",
                "shop",
                stray("projct.yaml", "a project") + "did you mean `project.yaml`?",
            ),
            "only-file-of-a-folder": (
                "shop/staging/manifets.yaml",
                "shop/staging",
                stray("manifets.yaml") + "did you mean `manifest.yaml`?",
            ),
            "environment.yaml-of-a-project": (
                "shop/environment.yaml",
                "shop",
                "`environment.yaml` means nothing in a project's directory; move it into an environment's",
            ),
            "project.yaml-of-an-environment": (
                "shop/dev/project.yaml",
                "shop/dev",
                "`project.yaml` means nothing in an environment's directory; move it to the project's",
            ),
            "overrides-of-a-project": (
                "shop/api.score-overrides.yaml",
                "shop",
                "`api.score-overrides.yaml` means nothing in a project's directory; move it into an environment's",
            ),
            "overrides-alone": (
                "shop/staging/api.score-overrides.yaml",
                "shop/staging",
                "there is nothing else here that makes this folder an environment; add environment.yaml",
            ),
        }
    ),
)
def test_a_file_that_means_nothing_is_a_problem_where_it_stands(path: str, slug: str, message: str) -> None:
    files = {"projects/shop/dev/manifest.yaml": "", f"projects/{path}": ""}
    assert wrong_names(files) == {slug: [f"projects/{path}:1:1: {message}"]}


def test_a_file_that_a_score_file_mounts_may_have_any_name() -> None:
    files = {
        "projects/shop/api.score.yaml": """\
            containers:
              a: {files: {/x: {source: ./conf.yaml}, /y: {source: data/manifets.yaml}}}
              b: {files: [{target: /z, source: dev/more.yml}]}
            """,
        "projects/shop/conf.yaml": "",
        "projects/shop/data/manifets.yaml": "",
        "projects/shop/dev/environment.yaml": "",
        "projects/shop/dev/more.yml": "",
        "projects/shop/dev/api.score-overrides.yaml": "containers: {a: {files: {/o: {source: other.yaml}}}}",
        "projects/shop/other.yaml": "",
    }
    assert wrong_names(files) == {}


@pytest.mark.parametrize(
    ("files", "problems"),
    cases(
        {
            "project": (
                {"projects/Shop/manifest.yaml": ""},
                {
                    "Shop": "projects/Shop:1:1: `Shop` is not a valid project id; "
                    "use 2 to 100 lower-case letters, digits and single `-`, beginning with a letter"
                },
            ),
            "environment": (
                {"projects/shop/dev--1/manifest.yaml": ""},
                {
                    "shop/dev--1": "projects/shop/dev--1:1:1: `dev--1` is not a valid environment id; "
                    "use 2 to 100 lower-case letters, digits and single `-`, beginning with a letter"
                },
            ),
            "linked-environment": (
                {"projects/shop/dev/manifest.yaml": "", "projects/shop/copy": link("dev")},
                {"shop/copy": "projects/shop/copy:1:1: a symbolic link cannot be an environment; copy its files"},
            ),
            "project-too-deep": (
                {"projects/team/blog/project.yaml": ""},
                {"team": f"projects/team/blog:1:1: {TOO_DEEP}"},
            ),
            "environment-too-deep": (
                {"projects/team/blog/live/score.yaml": ""},
                {"team": f"projects/team/blog:1:1: {TOO_DEEP}"},
            ),
            "linked-data": ({"projects/shop/dev/manifest.yaml": "", "projects/shop/data": link("../../docs")}, {}),
            "submodule": (
                {"projects/shop": (Kind.SUBMODULE, b"")},
                {"shop": "projects/shop:1:1: a submodule cannot be a project; copy its files"},
            ),
        }
    ),
)
def test_a_directory_that_cannot_be_what_it_would_be_is_a_problem(files: Files, problems: dict[str, str]) -> None:
    assert {slug: "\n".join(lines) for slug, lines in wrong_names(files).items()} == problems


def test_one_wrong_name_leaves_the_other_environments_alone() -> None:
    result = found(
        {"projects/shop/dev/manifest.yaml": "", "projects/shop/dev/x.yml": "", "projects/shop/qa/score.yaml": ""}
    )
    assert [environment.slug for environment in result.projects[0].environments] == ["shop/dev", "shop/qa"]
    assert list(result.problems) == ["shop/dev"]


def test_the_layout_can_be_written_down() -> None:
    files = {
        "lockstep.yaml": "{platform: ops/platform/, projects: ., organization: acme}",
        "ops/platform/x": "",
        "shop/dev/manifest.yaml": "",
    }
    described = layout.read_layout(tree(files))
    assert described == Layout("ops/platform", "", "acme")
    assert [project.folder for project in layout.find(tree(files), described).projects] == ["shop"]


def test_without_lockstep_yaml_the_usual_layout_holds() -> None:
    assert layout.read_layout(tree({"README.md": ""})) == Layout("platform", "projects", None)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    cases(
        {
            "unknown-key": ("lockstep.yaml", "project: x", "1:1: unknown key `project`; did you mean `projects`?"),
            "out": (
                "lockstep.yaml",
                "projects: ../x",
                "1:11: `../x` is no folder of this repository; name one, relative to its root",
            ),
            "not-there": (
                "lockstep.yaml",
                "projects: apps",
                "1:11: there is no folder `apps` in this repository; create it",
            ),
            "inside": (
                "lockstep.yaml",
                "platform: projects/shop",
                "1:1: `platform` lies inside of `projects`; give each a folder of its own",
            ),
            "around": (
                "lockstep.yaml",
                "platform: projects\nprojects: projects/shop",
                "1:1: `projects` lies inside of `platform`; give each a folder of its own",
            ),
            "organization": (
                "lockstep.yaml",
                "organization: Acme",
                "1:15: `Acme` is not a valid organization id; "
                "use 2 to 50 lower-case letters, digits and single `-`, beginning with a letter",
            ),
            "misnamed": ("lockstep.yml", "", "1:1: `lockstep.yml` is not read; rename it to `lockstep.yaml`"),
            "hidden": (".lockstep.yaml", "", "1:1: `.lockstep.yaml` is not read; rename it to `lockstep.yaml`"),
            "misspelt": ("Lockstpe.yaml", "", "1:1: `Lockstpe.yaml` is not read; rename it to `lockstep.yaml`"),
        }
    ),
)
def test_a_wrong_layout_is_refused(name: str, text: str, message: str) -> None:
    files = {name: text, "projects/shop/manifest.yaml": ""}
    assert complaints(lambda: layout.read_layout(tree(files))) == [f"{name}:{message}"]


@pytest.mark.parametrize("name", ["lock.yaml", "lockstep-controller.yaml", "step.yml", "lockstep.md"])
def test_other_files_at_the_root_may_have_names_like_that(name: str) -> None:
    assert layout.read_layout(tree({name: ""})) == Layout()


@pytest.mark.parametrize(
    ("files", "messages"),
    cases(
        {
            "near-name": (
                {"project/shop/dev/manifest.yaml": ""},
                [
                    "project:1:1: there is no folder `projects` in this repository; rename `project`, or name it in "
                    "`lockstep.yaml`"
                ],
            ),
            "near-name-with-a-layout": (
                {"lockstep.yaml": "organization: acme", "Projects/shop/project.yaml": ""},
                [
                    "Projects:1:1: there is no folder `projects` in this repository; rename `Projects`, or name it in "
                    "`lockstep.yaml`"
                ],
            ),
            "link": (
                {"projects": link("teams"), "teams/shop/project.yaml": ""},
                ["projects:1:1: a symbolic link cannot be the folder of the projects; put the folder in its place"],
            ),
            "submodule": (
                {"projects": (Kind.SUBMODULE, b"")},
                ["projects:1:1: a submodule cannot be the folder of the projects; put the folder in its place"],
            ),
        }
    ),
)
def test_projects_that_are_not_where_they_are_looked_for_are_not_taken_for_removed(
    files: Files, messages: list[str]
) -> None:
    """A folder that was renamed, or a link in its place, seemed to be a commit without projects."""
    assert complaints(lambda: layout.read_layout(tree(files))) == messages


def test_a_folder_with_a_near_name_that_holds_no_projects_is_let_alone() -> None:
    assert layout.read_layout(tree({"products/x/README.md": "", "project/README.md": ""})) == Layout()


def test_beside_projects_at_the_root_anything_may_lie() -> None:
    files = {"shop/dev/manifest.yaml": "", "examples/blog/project.yaml": "", "environment.yaml": ""}
    result = layout.find(tree(files), Layout("platform", ""))
    assert ([project.id for project in result.projects], result.problems) == (["shop"], {})


def test_problems_are_values_with_places() -> None:
    assert found({"projects/shop/dev/score.yml": ""}).problems == {
        "shop/dev": (
            Problem(
                Place("projects/shop/dev/score.yml"),
                "`score.yml` is none of the files that an environment's directory holds, and no Score file mounts it",
                "did you mean `score.yaml`?",
            ),
        )
    }
