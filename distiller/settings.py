"""Settings of a run: from the environment (`DISTILLER_*`), overridden by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

FILE = "settings.json"
"""In the workspace: what was set in the app. The environment and the command line win over it."""
KEPT = ("llm_url", "llm_model", "budget", "hide_judge", "quality")
"""What the app may keep there; never a key."""


class Settings(BaseSettings):
    """Everything that can be set without changing code."""

    model_config = SettingsConfigDict(
        env_prefix="DISTILLER_", extra="ignore", populate_by_name=True
    )

    workspace: Path = Path("workspace")
    """Folder of the database, models and logs."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite in the workspace."""
    cache_dir: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("domain-distiller")
    )
    """Models that are unpacked once per machine."""

    llm_url: str = ""
    """Base URL of an OpenAI-compatible endpoint, `local` for the embedded model; empty chooses."""
    llm_model: str = ""
    """Name at the endpoint; for `local` a GGUF file or hub name, empty for the packaged model."""
    openai_api_key: SecretStr = Field(default=SecretStr(""), validation_alias="OPENAI_API_KEY")
    llm_concurrency: int = Field(default=0, ge=0)
    """Requests under way at once; 0 chooses by endpoint."""
    llm_timeout_s: float = Field(default=600.0, gt=0)
    llm_requests_per_minute: int = Field(default=0, ge=0)
    """0 means no limit of ours."""
    llm_tokens_per_minute: int = Field(default=0, ge=0)
    budget: float | None = Field(default=None, ge=0)
    """US dollars that one project may spend in all; None means no limit."""
    price_file: Path | None = None
    """YAML of prices per million tokens that overrides the built-in table."""

    broker_url: str = ""
    """Redis that queues the jobs (`redis://host:6379/0`); empty means a SQLite file in the workspace."""

    canary: Path | None = None
    """A BEIR folder of another field: a trained model that forgets it is not promoted."""

    hide_judge: bool = True
    """The language model's grade is shown only once the reviewer has given one."""

    quality: Literal["off", "weight", "exclude"] = "weight"
    """What is done with examples that fail a check: nothing, count less, or leave out."""

    trust_mined: bool = True
    """Whether negatives that a search found are trained on before anybody judged them."""

    undecided: bool = False
    """Whether what nobody has decided about is trained on beside what was approved."""

    background: int = Field(default=1_000, ge=0)
    """Passages of the documents beside the labelled ones, at most, that frozen data carry: dev and
    test queries are ranked among them, too."""

    seed: int = 13

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{(self.workspace / 'distiller.db').absolute()}"

    @property
    def uses_local_model(self) -> bool:
        """Whether the embedded model is in force: asked for, or nothing else is set."""
        return self.llm_url == "local" or not (
            self.llm_url or self.openai_api_key.get_secret_value()
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then what the app kept in the workspace."""
        return init_settings, env_settings, _Kept(settings_cls, init_settings, env_settings)

    def keep(self, **values: Any) -> None:
        """Keep settings in the workspace, for the app and its worker.

        Raises:
            ValueError: a value that does not hold, or a setting that is not kept.
            OSError: the workspace cannot be written; the file stays as it was.
        """
        if unknown := set(values) - set(KEPT):
            raise ValueError(f"{min(unknown)} is not kept in the workspace")
        known = kept(self.workspace) | values
        type(self)(**known)
        self.workspace.mkdir(parents=True, exist_ok=True)
        file = self.workspace / FILE
        scratch = file.with_suffix(".new")
        scratch.write_text(json.dumps(known, indent=2), encoding="utf-8")
        scratch.replace(file)


def kept(workspace: Path) -> dict[str, Any]:
    """What the app kept; nothing where the file is missing or was damaged."""
    try:
        found = json.loads((workspace / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if name in KEPT}


class _Kept(PydanticBaseSettingsSource):
    """The workspace's file as a source of settings."""

    def __init__(
        self, settings_cls: type[BaseSettings], *stronger: PydanticBaseSettingsSource
    ) -> None:
        super().__init__(settings_cls)
        found = [source().get("workspace") for source in stronger]
        chosen = next((workspace for workspace in found if workspace), Path("workspace"))
        self._kept = kept(Path(chosen))

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One value."""
        return self._kept.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All values."""
        return dict(self._kept)
