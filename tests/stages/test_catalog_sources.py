"""What does a `module_source` mean, and does a folder use nothing outside itself?"""

from __future__ import annotations

import hashlib

import pytest

from controller.catalog import folders, sources
from controller.catalog.read import read
from controller.model.catalog import GitRef, ModuleSource, SourceKind
from controller.model.tree import Kind, MemoryTree
from tests.graph_factories import catalog, problems

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        pytest.param("/opt/mod", ModuleSource(SourceKind.PATH, "/opt/mod", "/opt/mod"), id="path"),
        pytest.param(
            "git::https://example.com/a/b.git//sub?ref=v1&depth=1",
            ModuleSource(
                SourceKind.GIT,
                "git::https://example.com/a/b.git//sub?ref=v1&depth=1",
                "git::https://example.com/a/b.git//sub?ref=v1&depth=1",
            ),
            id="git-with-an-open-ref",
        ),
        pytest.param(
            f"git::ssh://git@example.com/a/b.git?ref={COMMIT}",
            ModuleSource(
                SourceKind.GIT,
                f"git::ssh://git@example.com/a/b.git?ref={COMMIT}",
                f"git::ssh://git@example.com/a/b.git?ref={COMMIT}",
                COMMIT,
            ),
            id="git-at-a-commit",
        ),
        pytest.param(
            "terraform-aws-modules/vpc/aws//modules/endpoints@5.1.2",
            ModuleSource(
                SourceKind.REGISTRY,
                "terraform-aws-modules/vpc/aws//modules/endpoints",
                "terraform-aws-modules/vpc/aws//modules/endpoints@5.1.2",
                "5.1.2",
            ),
            id="registry",
        ),
        pytest.param(
            "app.example.io/acme/vpc/aws@1.0.0-rc.1",
            ModuleSource(
                SourceKind.REGISTRY,
                "app.example.io/acme/vpc/aws",
                "app.example.io/acme/vpc/aws@1.0.0-rc.1",
                "1.0.0-rc.1",
            ),
            id="registry-with-a-host",
        ),
    ],
)
def test_each_form_is_read(text: str, source: ModuleSource) -> None:
    assert sources.read(text) == source


FORMS = (
    "write `.` or `./FOLDER` for a folder beside this file, `inline`, `git::https://…`, `git::ssh://…`, "
    "`NAMESPACE/NAME/PROVIDER@VERSION` or an absolute path on the runner"
)


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        (
            "github.com/acme/net//vpc",
            "module source `github.com/acme/net//vpc` is not taken",
            "write `git::https://github.com/acme/net.git//vpc?ref=TAG`",
        ),
        (
            "git@example.com:acme/net.git",
            "module source `git@example.com:acme/net.git` is not taken",
            "write `git::ssh://git@example.com/acme/net.git`",
        ),
        (
            "git::http://example.com/a.git",
            "module source `git::http://example.com/a.git` is not taken",
            "of Git's transports only `git::https://HOST/PATH` and `git::ssh://USER@HOST/PATH` are taken",
        ),
        (
            "https://example.com/a.zip",
            "module source `https://example.com/a.zip` is not taken",
            FORMS,
        ),
        ("postgres", "module source `postgres` has no form that is known", FORMS),
        ("a b", "module source `a b` has blanks in it", "leave them out"),
        (
            "git::https://user:token@example.com/a.git",
            "the module source has credentials in it",
            "remove and revoke them; the runner brings its own",
        ),
        (
            "git::https://example.com/a.git?sshkey=abc",
            "module source `git::https://example.com/a.git?sshkey=abc` has `sshkey` in its query",
            "only `ref` and `depth` are taken",
        ),
        (
            "acme/vpc/aws",
            "module source `acme/vpc/aws` leaves its version open, so two deployments of one commit could differ",
            "write `acme/vpc/aws@1.2.3` with the version that you mean",
        ),
        (
            "acme/vpc/aws@~>1",
            "`~>1` in module source `acme/vpc/aws@~>1` is not an exact version",
            "write one like `@1.2.3`",
        ),
        (
            "/opt/${x}",
            "module source `/opt/${x}` has `${` in it, which not every engine reads as text",
            "rename it",
        ),
        ("/opt/../x", "module source `/opt/../x` is not a plain path", "write `/x`"),
        ("//x", "module source `//x` is not a plain path", "write `/x`"),
        ("/", "module source `/` names no folder", "write the path of the module's folder on the runner"),
        (
            "bitbucket.org/acme/net?ref=v2",
            "module source `bitbucket.org/acme/net?ref=v2` is not taken",
            "write `git::https://bitbucket.org/acme/net.git?ref=v2`",
        ),
        (
            "git::https://example.com/a.git//../b?ref=v1",
            "module source `git::https://example.com/a.git//../b?ref=v1` has `..` in it",
            "name the folder from the top, after `//`",
        ),
        (
            "acme/vpc/aws//../../x@1.2.3",
            "module source `acme/vpc/aws//../../x@1.2.3` has `..` in it",
            "name the folder from the top, after `//`",
        ),
        (
            "git::https://example.com//a?ref=v1",
            "module source `git::https://example.com//a?ref=v1` names no repository",
            "write `git::https://HOST/PATH//FOLDER?ref=TAG`",
        ),
        (
            "git::https://example.com/a.git?ref=v1&ref=v2",
            "module source `git::https://example.com/a.git?ref=v1&ref=v2` has `ref` twice",
            "keep one of them",
        ),
        (
            "git::https://example.com/a.git?ref=--upload-pack=x",
            "`--upload-pack=x` in module source `git::https://example.com/a.git?ref=--upload-pack=x` is no `ref`",
            "name a tag, a branch or a commit",
        ),
        (
            "git::https://example.com/a.git?ref=a..b",
            "`a..b` in module source `git::https://example.com/a.git?ref=a..b` is no `ref`",
            "name a tag, a branch or a commit",
        ),
        (
            "git::https://example.com/a.git?ref=",
            "module source `git::https://example.com/a.git?ref=` has an empty `ref`",
            "name a tag, a branch or a commit",
        ),
        (
            "git::https://example.com/a.git?depth=all",
            "`all` in module source `git::https://example.com/a.git?depth=all` is no `depth`",
            "write a number, like `depth=1`",
        ),
        (
            "git::https://example.com/a.git#v1",
            "module source `git::https://example.com/a.git#v1` is not taken",
            "of Git's transports only `git::https://HOST/PATH` and `git::ssh://USER@HOST/PATH` are taken",
        ),
    ],
)
def test_other_forms_are_refused_with_what_to_write(text: str, what: str, remedy: str) -> None:
    assert sources.read(text) == sources.Refusal(what, remedy)


def modules(document: str, **code: str) -> dict[str, str]:
    """A module `db` in a folder of its own, and files beside it and elsewhere."""
    return {
        "resource-types/db.yaml": "id: db\n",
        "modules/db/module.yaml": f"resource_type: db\n{document}",
        **{f"modules/{path}": text for path, text in code.items()},
    }


HERE = "module_source: .\n"
SHARING = "module_source: .\nincludes: [../common]\n"


def source(files: dict[str, str]) -> ModuleSource:
    return catalog(files).modules["db"].source


def test_a_folder_is_known_by_its_files_and_those_of_its_includes() -> None:
    files = modules(SHARING, **{"db/main.tf": "# a", "common/main.tf": "# b"})
    found = source(files)
    assert (found.kind, found.address, found.includes) == (
        SourceKind.LOCAL,
        "platform/modules/db",
        ("platform/modules/common",),
    )
    assert source({**files, "modules/db/main.tf": "# c"}).content != found.content
    assert source({**files, "modules/common/main.tf": "# c"}).content != found.content
    assert source({**files, "modules/other/main.tf": "# c"}).content == found.content


def test_two_modules_that_include_each_other_are_different_code() -> None:
    """A user saw the providers of the one asked for where only the other was used."""
    files = {
        **modules("module_source: .\nincludes: [../net]\n", **{"db/main.tf": "", "net/main.tf": ""}),
        "resource-types/net.yaml": "id: net\n",
        "modules/net/module.yaml": "resource_type: net\nmodule_source: .\nincludes: [../db]\n",
    }
    found = catalog(files).modules
    assert found["db"].source.content != found["net"].source.content


def test_a_rule_in_the_modules_document_is_not_its_content() -> None:
    """Else a rule for one project would redeploy all the others."""
    files = modules(HERE, **{"db/main.tf": ""})
    changed = modules(HERE + "rules: [{project_id: shop}]\n", **{"db/main.tf": ""})
    assert source(files) == source(changed)


def test_the_files_of_a_folder_lie_where_they_lie_in_the_repository() -> None:
    tree = MemoryTree.of(
        {
            "p/modules/db/module.yaml": "",
            "p/modules/db/main.tf": "a",
            "p/modules/db/deep/x.sql": "b",
            "p/modules/db/link.tf": (Kind.LINK, b"../common/y.tf"),
            "p/modules/common/y.tf": "c",
        }
    )
    assert folders.files(tree, folders.of(tree, "p/modules/db", ["p/modules/common"])) == {
        "p/modules/common/y.tf": b"c",
        "p/modules/db/deep/x.sql": b"b",
        "p/modules/db/link.tf": b"c",
        "p/modules/db/main.tf": b"a",
    }


@pytest.mark.parametrize(
    ("document", "code", "told"),
    [
        pytest.param(
            "module_source: ./../net\n",
            {"net/main.tf": ""},
            "module.yaml:2:16: module source `./../net` leads out of the folder of this file; set `module_source: .` "
            "and "
            "name further folders in `includes`",
            id="source-leads-out",
        ),
        pytest.param(
            HERE,
            {},
            "module.yaml:2:16: the folder `platform/modules/db` has no files of the module; add its `.tf` files",
            id="no-files",
        ),
        pytest.param(
            "module_source: .\nincludes: [../comon, ../../..]\n",
            {"db/main.tf": ""},
            "module.yaml:3:12: there is no folder `platform/modules/comon`; mend the path, or add the folder\n"
            "module.yaml:3:22: `../../..` cannot be included; name a folder of this repository, from this file on, "
            "like "
            "`../common`",
            id="includes",
        ),
        pytest.param(
            "module_source: ./a%{b\n",
            {"db/a%{b/main.tf": ""},
            "module.yaml:2:16: module source `platform/modules/db/a%{b` has `%{` in it, which not every engine reads "
            "as text; rename it",
            id="folder-that-reads-as-a-template",
        ),
        pytest.param(
            "module_source: inline\n",
            {},
            "module.yaml:2:16: the code of an inline module is missing; write it as `module_source_code: |`",
            id="inline-without-code",
        ),
        pytest.param(
            "module_source: /x\nmodule_source_code: x\nincludes: [../a]\n",
            {},
            "module.yaml:3:1: there is code and another source; keep one of them\n"
            "module.yaml:4:1: `includes` adds folders to a module that is a folder itself; remove it, or set "
            "`module_source: .`",
            id="too-much",
        ),
        pytest.param(
            HERE,
            {"db/main.tf": 'module "n" {\n  source = "../common"\n}\n', "common/main.tf": ""},
            "main.tf:2:12: the module source `../common` leads out of the module; add the folder to `includes` of the "
            "module, or copy what is needed into the module's own",
            id="nested-source-leads-out",
        ),
        pytest.param(
            SHARING,
            {"db/main.tf": 'module "n" { source = "../common/comon" }', "common/main.tf": ""},
            "main.tf:1:23: the module source `../common/comon` is no folder of this repository; mend the path",
            id="nested-source-is-missing",
        ),
        pytest.param(
            HERE,
            {"db/main.tf": 'module "n" { source = "/opt/x" }'},
            "main.tf:1:23: the module source `/opt/x` is a path on the runner; name a folder of this repository, or a "
            "source with a version",
            id="nested-source-is-absolute",
        ),
        pytest.param(
            HERE,
            {
                "db/main.tf": 'locals {\n  a = "x ${file("${path.module}/../../x")}"\n'
                '  b = templatefile("/etc/x", {})\n  c = file("x")\n}\n'
            },
            "main.tf:2:17: `${path.module}/../../x` leads out of the module; add the folder to `includes` of the "
            "module, "
            "or copy what is needed into the module's own\n"
            "main.tf:3:20: `/etc/x` is a path on the runner; copy the file into the module's folder\n"
            "main.tf:4:12: `x` is read from where the engine runs, not from the module; write `${path.module}/…` for a "
            "file of the module",
            id="files-elsewhere",
        ),
        pytest.param(
            HERE,
            {"db/main.tf.json": '{"module": {"n": {"source": "../net"}},\n "locals": {"a": "${file(\\"/x\\")}"}}'},
            "main.tf.json:1:29: the module source `../net` leads out of the module; add the folder to `includes` of "
            "the "
            "module, or copy what is needed into the module's own\n"
            "main.tf.json:2:18: `/x` is a path on the runner; copy the file into the module's folder",
            id="json",
        ),
        pytest.param(
            HERE,
            {
                "db/main.tf.json": '{"locals": {"a": "../net", "${file(\\"/x\\")}": 1},\n'
                ' "module": [{"n": [{"source": "../net"}]}],\n "module": {"m": {"source": "/net"}}}'
            },
            "main.tf.json:1:28: `/x` is a path on the runner; copy the file into the module's folder\n"
            "main.tf.json:2:31: the module source `../net` leads out of the module; add the folder to `includes` of "
            "the module, or copy what is needed into the module's own\n"
            "main.tf.json:3:29: the module source `/net` is a path on the runner; name a folder of this repository, or "
            "a source with a version",
            id="json-with-lists-and-keys-that-stand-twice",
        ),
        pytest.param(
            HERE,
            {"db/main.tf.json": '{"module": }'},
            "main.tf.json:1:12: this is not JSON; mend the file",
            id="broken-json",
        ),
        pytest.param(
            HERE,
            {"db/main.tf": 'module "n" {\n  source = true ? "../a" : (\n  "../b")\n}\n'},
            "main.tf:2:19: the module source `../a` leads out of the module; add the folder to `includes` of the "
            "module, or copy what is needed into the module's own\n"
            "main.tf:3:3: the module source `../b` leads out of the module; add the folder to `includes` of the "
            "module, or copy what is needed into the module's own",
            id="nested-source-is-a-choice",
        ),
        pytest.param(
            HERE,
            {"db/main.tf": 'a = "x\n'},
            "main.tf:1:5: this string is not closed; mend the code",
            id="broken-code",
        ),
    ],
)
def test_a_module_that_is_not_self_contained_is_refused(document: str, code: dict[str, str], told: str) -> None:
    lines = [line.replace("[db] platform/modules/db/", "") for line in problems(modules(document, **code))]
    assert "\n".join(lines) == told


def test_a_link_out_of_a_module_is_refused() -> None:
    files = {f"platform/{path}": text.encode() for path, text in modules(HERE, **{"db/main.tf": ""}).items()}
    files["platform/environment-types.yaml"] = b"- id: development\n"
    tree = MemoryTree.of(
        {
            **files,
            "secret.txt": "",
            "platform/modules/db/a": (Kind.LINK, b"../../../secret.txt"),
            "platform/modules/db/b": (Kind.LINK, b"/etc/passwd"),
            "platform/modules/db/c": (Kind.LINK, b"main.tf"),
            "platform/modules/db/d": (Kind.LINK, b"."),
            "platform/modules/db/e": (Kind.LINK, b"deep"),
            "platform/modules/db/deep/x.sql": "",
        }
    )
    assert [str(each.problem) for each in read(tree, "platform").problems] == [
        "platform/modules/db/a:1:1: the symbolic link leads to `secret.txt`, outside the module; add the folder to "
        "`includes` of the module, or copy what is needed into the module's own",
        "platform/modules/db/b:1:1: the symbolic link leads to no file of this repository; put the file in its place",
        "platform/modules/db/d:1:1: the symbolic link leads to the folder `platform/modules/db`, which has symbolic "
        "links in it; put the folder in its place, or link to its files",
    ]


def test_what_stays_inside_is_taken() -> None:
    code = """
    terraform { required_providers { x = { source = "acme/x" } } }
    # source = "../comment"
    /* file("/etc/x") */
    module "a" { source = "./nested" }
    module "b" { source = "../common//" }
    module "c" { source = "git::https://example.com/x.git?ref=v1" }
    resource "terraform_data" "x" {
      input = templatefile("${path.module}/t.tpl", { a = "$${x}", b = "\\"${upper("y")}" })
      triggers_replace = <<-EOT
        source = "../../x" %{ if true }${fileset(path.module, "*")}%{ endif }
      EOT
      provisioner "local-exec" {
        command     = "cat > $OUT/x <<EOF\\n..\\nEOF"
        working_dir = "${path.module}/nested"
        source      = "../elsewhere"
      }
    }
    """
    files = {"db/main.tf": code, "db/nested/main.tf": 'a = file("${path.module}/../t.tpl")', "common/x.tf": ""}
    assert problems(modules(SHARING, **files)) == []


def test_a_source_in_a_plain_object_is_none_of_a_module() -> None:
    """A user's volume with `source = "./files"` was taken for a module that does not exist."""
    code = """
    locals { x = { source = "./a" } }
    module "a" {
      source = "./nested"
      mount  = { source = "../elsewhere" }
    }
    resource "terraform_data" "x" {
      module {
        source = "../elsewhere"
      }
    }
    """
    in_json = (
        '{"locals": {"x": {"source": "./a"}}, "module": {"b": {"mount": {"source": "../x"}, "source": "./nested"}}}'
    )
    files = {"db/main.tf": code, "db/nested/main.tf": "", "db/more.tf.json": in_json}
    assert problems(modules(HERE, **files)) == []


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            'output "x" {\n  value = [1\n}',
            "line 3 of `module_source_code`: this `}` closes nothing (column 1); mend the code",
        ),
        ('output "x" {', "line 1 of `module_source_code`: this `{` is not closed (column 12); mend the code"),
        ('a = "${x"', "line 1 of `module_source_code`: this string is not closed (column 9); mend the code"),
        (
            'module "a" { source = "./x" }',
            "line 1 of `module_source_code` uses `./x`, but inline code has no files beside it; make the module a "
            "folder, "
            "with `module_source: .`",
        ),
    ],
)
def test_inline_code_must_be_whole_and_alone(code: str, told: str) -> None:
    indented = "".join(f"  {line}\n" for line in code.splitlines())
    document = f"module_source: inline\nmodule_source_code: |\n{indented}"
    assert problems(modules(document)) == [f"[db] platform/modules/db/module.yaml:3:21: {told}"]


@pytest.mark.parametrize(
    ("document", "code", "told"),
    [
        pytest.param(
            "module_inputs: {b: 1}\n",
            'variable "a" {}\nvariable "b" {}\nvariable "c" { default = null }\n',
            "2:16: the variable `a` in the code of the module has no default, and is given nothing; add it to "
            "`module_inputs` or `module_params`, or give it a `default`",
            id="given-nothing",
        ),
        pytest.param(
            "module_params: {a: {type: string, is_optional: true}}\n",
            'variable "a" { type = string }\n',
            "3:17: `a` may be left out, but its variable in the code of the module has no default; give the variable a "
            "`default`, or let the param be required",
            id="optional-without-default",
        ),
        pytest.param(
            "module_inputs: {szie: 1}\n",
            'variable "size" {}\n',
            "3:17: the code of the module has no variable `szie`; did you mean `size`?",
            id="misspelt-is-told-once",
        ),
    ],
)
def test_what_the_code_lacks_is_told_before_an_engine_does(document: str, code: str, told: str) -> None:
    (line,) = problems(modules(f"{HERE}{document}", **{"db/main.tf": code}))
    assert line == f"[db] platform/modules/db/module.yaml:{told}"


def test_a_default_may_stand_in_another_file_and_in_json() -> None:
    code = {
        "db/main.tf": 'variable "a" {}\n',
        "db/override.tf": 'variable "a" { default = 1 }\n',
        "db/more.tf.json": '{"variable": {"b": {"default": 1}, "c": [{"default": 1}]}}',
    }
    assert problems(modules(HERE, **code)) == []


def test_inline_code_is_known_by_its_text() -> None:
    found = source(modules("module_source: inline\nmodule_source_code: 'output \"x\" {}'\n"))
    assert (found.kind, found.code) == (SourceKind.INLINE, 'output "x" {}')
    assert found.content == hashlib.sha256(b'output "x" {}').hexdigest()


def test_a_file_of_its_own_cannot_be_the_folder_of_all_modules() -> None:
    files = {**modules(HERE, **{"db/main.tf": ""}), "modules/net.yaml": "resource_type: db\nmodule_source: .\n"}
    assert problems(files) == [
        "[db] platform/modules/net.yaml:2:16: `.` is the folder of all modules; move this file to "
        "`platform/modules/net/module.yaml`, beside the module's own files"
    ]


@pytest.mark.parametrize(
    ("address", "ref"),
    [
        pytest.param("git::https://h/a/b.git//x?ref=v1&depth=1", GitRef("https://h/a/b.git", "v1"), id="tag"),
        pytest.param("git::https://h:8443/m?depth=1", GitRef("https://h:8443/m", "HEAD"), id="default-branch"),
        pytest.param("git::ssh://git@h/m.git?ref=a/b", GitRef("ssh://git@h/m.git", "a/b"), id="ssh"),
        pytest.param("git::https://h/m.git?ref=1234567", GitRef("https://h/m.git", "1234567"), id="short-commit"),
        pytest.param(f"git::https://h/m.git?ref={'a' * 40}", None, id="commit"),
        pytest.param(f"git::https://h/m.git?ref={'a' * 64}", None, id="long-commit"),
        pytest.param("acme/db/aws@1.2.3", None, id="registry"),
    ],
)
def test_a_tag_or_branch_has_to_be_asked_for(address: str, ref: GitRef | None) -> None:
    found = sources.read(address)
    assert isinstance(found, ModuleSource)
    assert found.ref == ref
