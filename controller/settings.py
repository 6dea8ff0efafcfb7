"""What did the operator choose? One YAML file, every key also as LOCKSTEP_… in the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from controller.errors import ManifestError, Problem, suggest

DEFAULT_FILES = (Path("lockstep-controller.yaml"), Path("/etc/lockstep/config.yaml"))
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def duration(text: object) -> timedelta:
    """Read `90s`, `5m`, `2h`, `7d`."""
    if isinstance(text, str) and (found := re.fullmatch(r"(\d+)([smhd])", text)):
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    if isinstance(text, timedelta):
        return text
    raise ValueError("a duration is a whole number with s, m, h or d, such as 60s")


def age(text: object) -> object:
    """Read a duration, or `forever`."""
    return None if text in ("forever", None) else duration(text)


def size(text: object) -> object:
    """Read `512MiB`, `2GiB`, or 0."""
    if isinstance(text, str) and (found := re.fullmatch(r"(\d+)(KiB|MiB|GiB)", text)):
        return int(found[1]) * _SIZES[found[2]]
    if isinstance(text, int) and not isinstance(text, bool):
        return text  # bytes
    if text == "0":
        return 0
    raise ValueError("a size is a whole number with KiB, MiB or GiB, such as 512MiB; 0 is no limit")


Duration = Annotated[timedelta, BeforeValidator(duration)]
Age = Annotated[timedelta | None, BeforeValidator(age)]
Size = Annotated[int, BeforeValidator(size)]


def name(text: object) -> object:
    """Read what is a name also where it consists of digits."""
    return str(text) if isinstance(text, int) and not isinstance(text, bool) else text


class App(BaseModel):
    """A GitHub App that is installed where the repository is, instead of a token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, BeforeValidator(name), Field(pattern=r"^[A-Za-z0-9._-]+$")]  # App ID or client ID
    key_file: Path | None = None
    key_env: str | None = None
    installation: int | None = Field(default=None, ge=1)  # default: looked up


class Connection(BaseModel):
    """A repository to watch. A secret is named (`…_env`, `…_file`), never written here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]+$", max_length=100)
    url: str
    branch: str = "main"
    forge: Literal["github", "gitlab", "gitea", "bitbucket", "git"] = "git"
    username: str | None = None
    token_env: str | None = None
    token_file: Path | None = None
    app: App | None = None
    api_url: str | None = None  # of the forge; default: by the url
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None
    poll: Duration = timedelta(seconds=60)
    webhook_secret_env: str | None = None
    webhook_secret_file: Path | None = None
    webhook_previous_secret_env: str | None = None  # still good while the forge's is being exchanged
    webhook_previous_secret_file: Path | None = None


class Retention(BaseModel):
    """How long after its end things of a deployment are kept, or `forever`; its row and its manifest always are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    logs: Age = timedelta(days=90)
    outputs: Age = timedelta(days=90)
    plans: Age = timedelta(days=7)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_", env_nested_delimiter="__", extra="forbid", frozen=True)

    connections: tuple[Connection, ...] = ()
    data_dir: Path = Path("lockstep-data")
    database_url: str | None = None  # default: SQLite in data_dir
    listen: str = Field(default="127.0.0.1:8080", pattern=r"^.+:\d+$")
    public_url: str | None = None  # where a browser finds the page; default: http://<listen>
    runner_env_dir: Path | None = None  # default: runner-env in data_dir
    engine: Literal["opentofu", "terraform"] | None = None  # default: tofu, else terraform, else the embedded one
    sandbox: Literal["none", "bubblewrap"] = "none"  # what the local runner shuts engines in with
    sandbox_paths: tuple[Path, ...] = ()  # read-only paths that engines see there besides the system's
    recipients: tuple[str, ...] = ()  # age recipients that can read the logs of every deployment from Git
    seal_key_env: str | None = None
    seal_key_file: Path | None = None  # default: seal.key in data_dir, made at first start
    plan_slots: int = Field(default=2, ge=1)
    apply_slots: int = Field(default=2, ge=1)
    memory_per_run: Size = 512 * 2**20  # a run begins only where so much is available; 0: whatever is
    commit_batch: int = Field(default=10, ge=1)  # deployments of one commit that are at work at a time
    plan_timeout: Duration = timedelta(minutes=30)
    apply_timeout: Duration = timedelta(hours=2)
    drain: Duration = timedelta(seconds=25)  # after SIGTERM, for what runs to end
    on_stop: Literal["auto", "leave", "interrupt"] = "auto"  # what happens then to applies; auto: by where it runs
    retention: Retention = Retention()
    anonymous_pages: bool = False  # everybody who reaches the address may read the pages (never the API)
    log_format: Literal["text", "json"] = "text"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'lockstep.sqlite3'}"

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)

    @property
    def page(self) -> str:
        return self.public_url or f"http://{self.listen}"


_MODELS: Mapping[str, type[BaseModel]] = {"connections": Connection, "retention": Retention, "app": App}


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings from a file, the environment, and what the command line says (strongest).

    `path` None: the first of DEFAULT_FILES that exists, or no file. Raises ManifestError.
    """
    source = path or next((file for file in DEFAULT_FILES if file.is_file()), None)
    written = _read(source) if source else {}
    where = str(source) if source else "settings"

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=written)

    try:
        return Loaded(**dict(overrides or {}))
    except ValidationError as e:
        raise ManifestError(_problem(where, error) for error in e.errors()) from e


def _read(path: Path) -> dict[str, Any]:
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ManifestError(
            [Problem(str(path), f"cannot be read ({e.strerror})", "check the path and its permissions")]
        ) from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        place = getattr(e, "problem_mark", None)
        where = f"{path}:{place.line + 1}:{place.column + 1}" if place else str(path)
        raise ManifestError([Problem(where, "is not YAML", "correct the syntax here")]) from e
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise ManifestError([Problem(str(path), "is not a map of settings", "write `key: value` lines")])
    return read


def _problem(where: str, error: Any) -> Problem:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        above = [_MODELS[str(part)] for part in error["loc"][:-1] if str(part) in _MODELS]
        model = above[-1] if above else Settings
        word = str(error["loc"][-1])
        remedy = suggest(word, model.model_fields, f"known keys are {', '.join(sorted(model.model_fields))}")
        return Problem(where, f"unknown setting `{path}`", remedy)
    return Problem(
        where,
        f"setting `{path}`: {error['msg'].removeprefix('Value error, ')}",
        "correct it, or leave it out for the default",
    )
