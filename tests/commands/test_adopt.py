"""What happens when somebody lets an environment take over what exists, from the command line?"""

from __future__ import annotations

import json
from pathlib import Path

import cli
from controller.deployments import adoption
from controller.history import read
from controller.model.deployment import Status
from tests.commands.conftest import Company
from tests.commands.test_acts import wait_for
from tests.deploy_factories import Script, project, sized

U = "6f1c1f6e-7b0e-4a53-9a55-0d3a3b1c2d3e"
THING = 'module.x.terraform_data.it["a=b"]'
IMPORTED = ({"address": THING, "action": "import", "module": None},)


def test_things_are_imported_from_the_line_and_from_a_file(capsys, company: Company, tmp_path: Path):
    company.runner.script = Script(changes=IMPORTED)
    listed = tmp_path / "imports.txt"
    listed.write_text("# the bucket\nmodule.x.aws_s3_bucket.b = files\n\n")
    given = ["adopt", "shop", "staging", "--import", f"{THING}=id=1", "--imports", str(listed), "--reason", "old"]
    assert cli.main(given) == 0
    row = company.last()
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[0]) == ("", f"deployment {row.id} of shop/staging is queued")
    assert (row.status, row.created_by, row.reason) == (
        Status.SUCCEEDED,
        "alice",
        f"takes over module.x.aws_s3_bucket.b, {THING}, for alice: old",
    )
    main = json.loads(company.runner.bundles[row.id]["main.tf.json"])
    assert main["import"] == [{"to": "module.x.aws_s3_bucket.b", "id": "files"}, {"to": THING, "id": "id=1"}]
    doors = company.world.doors
    (line,) = [line for line in read.audit(doors.store) if line.action == "adopt"]
    assert (line.actor, line.subject, line.reason) == ("alice", "shop/staging", "old")
    assert "id=1" not in repr(line)
    assert adoption.imports(doors, read.environment(doors.store, "shop", "staging")) == {}


def test_a_state_and_an_identity_are_for_what_was_never_deployed(capsys, company: Company, tmp_path: Path):
    state = tmp_path / "old.tfstate"
    state.write_text('{"version": 4, "serial": 3, "lineage": "l", "resources": [{}], "outputs": {}}')
    own = (
        "shop/staging was deployed already, and has a state of its own; "
        "things that it lacks are taken over with `--import ADDRESS=ID`\n"
    )
    assert cli.main(["adopt", "shop", "staging", "--uuid", U]) == 3
    assert capsys.readouterr().err == own
    assert cli.main(["adopt", "shop", "staging", "--state", str(state)]) == 3
    assert capsys.readouterr().err == own
    assert len(company.world.deployments()) == 1


def test_what_is_no_import_and_no_state_is_said(capsys, company: Company, tmp_path: Path):
    company.world.push(project(production=sized(1)) | {"projects/shop/production/environment.yaml": "mode: observe\n"})
    company.world.poll()
    wait_for(company, 2)
    state = tmp_path / "old.tfstate"
    state.write_text('{"encrypted_data": "x"}')
    assert cli.main(["adopt", "shop", "production", "--state", str(state)]) == 3
    assert cli.main(["adopt", "shop", "production", "--import", "module.x.a.b"]) == 2
    assert cli.main(["adopt", "shop", "production", "--import", "a.b=1", "--import", "a.b=2"]) == 2
    assert cli.main(["adopt", "shop", "production", "--uuid", "x"]) == 3
    assert cli.main(["adopt", "shop", "production", "--forget", "--uuid", U]) == 2
    assert cli.main(["adopt", "shop", "production", "--forget"]) == 3
    assert cli.main(["adopt", "shop", "production"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "state: this is no state that can be read; give what the engine's `state pull` prints, which is not encrypted",
        "`module.x.a.b` is no import; write ADDRESS=ID",
        "`a.b` is to be imported twice, as `1` and `2`; keep one",
        "uuid: `x` is no UUID; write it as 8-4-4-4-12 hexadecimal digits",
        "--forget takes nothing over; leave out --uuid, --state and imports",
        "shop/production is to take nothing over; there is nothing to forget",
        "shop/production: nothing is named that it is to take over; give a uuid, a state or imports",
    ]


def test_an_identity_is_taken_before_the_first_deployment(capsys, company: Company):
    files = {"projects/shop/production/environment.yaml": "mode: observe\n"}
    company.world.push(project(production=sized(1)) | files)
    company.world.poll()
    wait_for(company, 2)
    assert cli.main(["adopt", "shop", "production", "--uuid", U]) == 0
    row = company.last("production")
    assert (row.environment_uuid, row.status) == (U, Status.PLANNED)
    found = read.environment(company.world.doors.store, "shop", "production")
    assert (found.uuid, found.binding.uuid if found.binding else None) == (U, U)
    taken = read.environment(company.world.doors.store, "shop", "staging").uuid
    capsys.readouterr()
    assert cli.main(["adopt", "shop", "production", "--uuid", taken]) == 3
    assert capsys.readouterr().err == f"uuid {taken} is that of shop/staging; each environment needs its own\n"
    assert cli.main(["adopt", "shop", "production", "--forget"]) == 0
    assert capsys.readouterr().err == "shop/production takes nothing over\n"
