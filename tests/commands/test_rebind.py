"""What happens when somebody moves an environment from the command line?"""

from __future__ import annotations

import cli
from controller.history import read
from controller.model.deployment import Mode, Status
from tests.commands.conftest import Company
from tests.commands.test_terminal import terminal
from tests.deploy_factories import Script

FAR = "id: far\nrunner_configuration: {type: local}\nstate_storage_configuration: {type: s3, bucket: b}\nrules: [{}]\n"


def wanted_elsewhere(company: Company) -> None:
    company.runner.script = Script(counts={})
    company.world.push({"platform/runners/far.yaml": FAR})
    company.world.poll()


def test_an_environment_is_moved_when_its_name_was_typed(company: Company):
    wanted_elsewhere(company)
    with terminal("rebind", "shop", "staging", "--reason", "bigger") as screen:
        screen.until("Type its name to go on")
        screen.press("shop/staging\n")
        assert screen.end() == 0
    said = "This moves shop/staging: runner from `local` to `far`; state storage from `local` to `s3`."
    assert said in screen.seen
    row = company.last()
    assert (row.mode, row.status, row.created_by) == (Mode.REBIND, Status.SUCCEEDED, "alice")
    binding = read.environment(company.world.doors.store, "shop", "staging").binding
    assert binding is not None
    assert (binding.runner, binding.state.type) == ("far", "s3")
    (line,) = [line for line in read.audit(company.world.doors.store) if line.action == "rebind"]
    assert (line.actor, line.details["from"]["runner"], line.details["to"]["runner"]) == ("alice", "local", "far")


def test_nothing_is_moved_where_another_name_was_typed(company: Company):
    wanted_elsewhere(company)
    with terminal("rebind", "shop", "staging") as screen:
        screen.until("Type its name to go on")
        screen.press("shop/production\n")
        assert screen.end() == 130
    assert "nothing was moved" in screen.seen
    assert len(company.world.deployments()) == 1


def test_nothing_is_moved_where_nobody_can_be_asked(capsys, company: Company):
    wanted_elsewhere(company)
    assert cli.main(["rebind", "shop", "staging"]) == 2
    assert capsys.readouterr().err == (
        "shop/staging: this moves its runner from `local` to `far`; state storage from `local` to `s3`; "
        "say --no-prompt where nobody can be asked\n"
    )


def test_what_is_where_git_wants_it_is_not_moved(capsys, company: Company):
    assert cli.main(["rebind", "shop", "staging", "--no-prompt"]) == 3
    assert capsys.readouterr().err == "shop/staging is bound to what Git wants; there is nothing to move\n"
