"""Which pages are there? One view each: who looks, what is shown, in which template."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Reply

from controller.deployments import actions, drifting, rebinding, renaming, suspending
from controller.deployments import why as reasons
from controller.errors import ConflictError, NotAllowedError
from controller.graph import draw
from controller.history import read
from controller.tofu import desired
from webui import access
from webui.access import Caller
from webui.pages import deployment_page, shown, visitor

pages = Blueprint("pages", __name__)

_LONGEST = 24 * 365  # hours of a suspension

# A drawing may bring styles of its own, and nothing else; opened by itself it is in a sandbox.
_DRAWING = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"


@pages.get("/")
def environments() -> str:
    who = visitor.reader()
    return _page("environments.html", who, "environments", shown.environments(visitor.doors(), who, request.args))


@pages.get("/environments/<project>/<name>")
def environment(project: str, name: str) -> str:
    who = visitor.reader()
    access.require_project(who, project, f"environment `{project}/{name}`")
    return _page("environment.html", who, "environments", shown.environment(visitor.doors(), who, project, name))


@pages.get("/environments/<project>/<name>/why")
def why(project: str, name: str) -> str:
    who = visitor.reader()
    access.require_project(who, project, f"environment `{project}/{name}`")
    found = reasons.why(visitor.doors(), project, name, request.args.get("commit", "").strip() or None)
    return _page("why.html", who, "environments", {"why": found, "slug": f"{project}/{name}"})


@pages.get("/history")
def history() -> str:
    who = visitor.reader()
    return _page("history.html", who, "history", shown.history(visitor.doors(), who, request.args))


@pages.get("/deployments/<id>")
def deployment(id: str) -> str:
    who = visitor.reader()
    return _page("deployment.html", who, "history", deployment_page.shown(visitor.site(), who, id))


@pages.get("/deployments/<id>/graph.svg")
def graph(id: str) -> Response:
    found = deployment_page.deployment(visitor.doors(), visitor.reader(), id)
    drawing = draw.svg(desired.decode(read.details(visitor.doors().store, found.id).desired))
    return Response(drawing, mimetype="image/svg+xml", headers={"Content-Security-Policy": _DRAWING})


@pages.get("/commits")
def commits() -> str:
    who = visitor.reader()
    return _page("commits.html", who, "commits", shown.commits(visitor.doors(), who, request.args))


@pages.get("/commits/<id>")
def commit(id: str) -> str:
    who = visitor.reader()
    return _page("commit.html", who, "commits", shown.commit(visitor.doors(), who, id))


@pages.get("/system")
def system() -> str:
    who = visitor.reader()
    return _page("system.html", who, "system", shown.system(visitor.doors(), who, request.args))


@pages.get("/login")
def login() -> str:
    return render_template("login.html", next=request.args.get("next", ""), trouble=None)


@pages.post("/login")
def sign_in() -> Reply | tuple[str, int]:
    visitor.check_csrf()
    try:
        visitor.sign_in(request.form.get("token", ""))
    except NotAllowedError as e:
        return render_template("login.html", next=request.form.get("next", ""), trouble=str(e)), 401
    return redirect(_ours(request.form.get("next", "")))


@pages.post("/logout")
def logout() -> Reply:
    visitor.check_csrf()
    visitor.sign_out()
    return redirect(url_for("pages.login"))


@pages.post("/environments/<project>/<name>/resume")
def resume(project: str, name: str) -> Reply:
    who = visitor.deployer(project, f"environment `{project}/{name}`")
    actions.resume(visitor.doors(), who.name, project, name)
    flash(f"{project}/{name} follows Git again.")
    return redirect(url_for("pages.environment", project=project, name=name))


@pages.post("/environments/<project>/<name>/suspend")
def suspend(project: str, name: str) -> Reply:
    who = visitor.deployer(project, f"environment `{project}/{name}`")
    _suspend(who, f"{project}/{name}")
    flash(f"{project}/{name} is suspended: nothing from Git begins there.")
    return redirect(url_for("pages.environment", project=project, name=name))


@pages.post("/suspend")
def suspend_many() -> Reply:
    who, scope, shown = _many()
    _suspend(who, scope)
    flash(f"{shown} is suspended: nothing from Git begins there.")
    return redirect(url_for("pages.system"))


@pages.post("/resume")
def resume_many() -> Reply:
    who, scope, shown = _many()
    suspending.resume(visitor.doors(), who.name, scope)
    flash(f"{shown} is not suspended any more; what is held by itself stays held.")
    return redirect(url_for("pages.system"))


@pages.post("/environments/<project>/<name>/move")
def move(project: str, name: str) -> Reply:
    """Posted to the old name: is it the new one?"""
    who = visitor.deployer(project, f"environment `{project}/{name}`")
    to = request.form.get("to", "")
    there = to.partition("/")[0]
    access.require_project(who, there, f"project `{there}`")
    if request.form.get("answer") == "two":
        made = renaming.decline(visitor.doors(), who.name, project, name, to)
        flash(f"{made.slug} is another one than {project}/{name}.")
    else:
        made = renaming.move(visitor.doors(), who.name, project, name, to)
        flash(f"{project}/{name} is {made.slug} now.")
    return redirect(url_for("pages.environment", project=made.project, name=made.name))


@pages.post("/environments/<project>/<name>/drift")
def drift(project: str, name: str) -> Reply:
    who = visitor.deployer(project, f"environment `{project}/{name}`")
    made = drifting.look(visitor.doors(), who.name, project, name)
    return _back(made.id, "It is looked for drift: this plan shows what differs, and is never applied.")


@pages.post("/environments/<project>/<name>/destroy")
def destroy(project: str, name: str) -> Reply:
    who = visitor.deployer(project, f"environment `{project}/{name}`")
    if request.form.get("name", "").strip() != f"{project}/{name}":
        raise ConflictError(f"the name that was typed is not {project}/{name}; nothing was destroyed")
    made = actions.destroy(visitor.doors(), who.name, project, name)
    if made is not None:
        return _back(made.id, "The end of the environment is being planned.")
    flash(f"{project}/{name} had nothing that could be destroyed; it is deleted.")
    return redirect(url_for("pages.environments"))


@pages.post("/environments/<project>/<name>/rebind")
def rebind(project: str, name: str) -> Reply:
    who = visitor.deployer(project, f"environment `{project}/{name}`")
    if request.form.get("name", "").strip() != f"{project}/{name}":
        raise ConflictError(f"the name that was typed is not {project}/{name}; nothing was moved")
    made = rebinding.rebind(visitor.doors(), who.name, project, name)
    return _back(made.id, "It is being planned where it is, and then moved.")


@pages.post("/deployments/<id>/retry")
def retry(id: str) -> Reply:
    made = actions.retry(visitor.doors(), _deployer(id).name, id)
    return _back(made.id, "It is tried once more: this is the new deployment.")


@pages.post("/deployments/<id>/rollback")
def rollback(id: str) -> Reply:
    row = read.deployment(visitor.doors().store, id)
    made = actions.rollback(visitor.doors(), _deployer(id).name, row.project, row.environment, row.id)
    return _back(made.id, "The environment goes back: this is the new deployment. It is pinned until it is resumed.")


@pages.post("/deployments/<id>/approve")
def approve(id: str) -> Reply:
    imports = "import" in request.form
    actions.approve(visitor.doors(), _deployer(id).name, id, imports=imports)
    return _back(id, "It is planned again, with imports." if imports else "The plan is approved and will be applied.")


@pages.post("/deployments/<id>/discard")
def discard(id: str) -> Reply:
    actions.discard(visitor.doors(), _deployer(id).name, id)
    return _back(id, "The plan is discarded; nothing was applied.")


@pages.post("/deployments/<id>/cancel")
def cancel(id: str) -> Reply:
    actions.cancel(visitor.doors(), _deployer(id).name, id)
    return _back(id, "The deployment is being cancelled.")


def _page(template: str, who: Caller, section: str, values: dict[str, object]) -> str:
    return render_template(template, visitor=who, section=section, now=visitor.doors().now(), **values)


def _many() -> tuple[Caller, str, str]:
    """Who changes it, the scope that a form names, a project or everything, and how it is shown."""
    scope = request.form.get("scope", "").strip()
    if scope == suspending.ALL:
        who = visitor.deployer(None, "everything")
        access.require_all_projects(who)
        return who, scope, "Everything"
    if not scope or "/" in scope:
        raise ConflictError(f"`{scope}` is no project; choose one, or everything")
    return visitor.deployer(scope, f"project `{scope}`"), scope, f"Project {scope}"


def _suspend(who: Caller, scope: str) -> None:
    hours = request.form.get("hours", "").strip()
    if hours and not (hours.isascii() and hours.isdecimal() and 0 < int(hours) <= _LONGEST):
        raise ConflictError(f"`{hours}` is no number of hours; give one up to {_LONGEST}, or leave it out")
    doors = visitor.doors()
    until = doors.now() + timedelta(hours=int(hours)) if hours else None
    suspending.suspend(doors, who.name, scope, until=until, reason=request.form.get("reason", "").strip()[:500])


def _deployer(id: str) -> Caller:
    return visitor.deployer(read.deployment(visitor.doors().store, id).project, f"deployment `{id}`")


def _back(id: str, said: str) -> Reply:
    flash(said)
    return redirect(url_for("pages.deployment", id=id))


def _ours(address: str) -> str:
    """Where to go after signing in: only to a page of this site."""
    parts = urlsplit(address)
    is_ours = (
        address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    )
    return address if is_ours else url_for("pages.environments")
