"""Settings of a run: from the environment (`DISTILLER_*`), overridden by the command line."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
