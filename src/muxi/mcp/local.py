"""From what a project declares to where its servers are.

Used by `runtime`, and by programs that use servers without a project.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxi.config.mcp_settings import McpServerSettings
from muxi.config.secret import SecretRef
from muxi.core.errors import ConfigError, SecretMissing
from muxi.mcp.launch import Launch, environment, find_program
from muxi.mcp.packages import Environment
from muxi.mcp.target import LocalTarget, RemoteTarget, Target

Resolve = Callable[[SecretRef], Awaitable[str]]
"""Gives the value behind a reference."""


async def revealed(secret: SecretRef) -> str:
    """The value of a secret that needs no store. Raises `SecretMissing`."""
    value = secret.reveal()
    if value is None:
        raise SecretMissing(f"{secret.source} has no value here.")
    return value


async def no_credentials(name: str, settings: McpServerSettings) -> Any:
    """A server that needs none but its headers."""
    return None


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers of one project are, and where they may keep their things."""

    folder: Path
    """Where paths of the project start."""
    state: Path
    """The project's state, which stays hidden from servers."""
    resolve: Resolve = revealed
    auth: Callable[[str, McpServerSettings], Awaitable[Any]] = no_credentials
    """Credentials for a remote server, as the SDK's transport takes them."""
    private: Path | None = None
    """A folder for what local servers keep for one user; None for what they keep for all."""

    @property
    def homes(self) -> Path:
        """A folder for each server lies in it: home, environment, log."""
        return self.state / "mcp"

    def environment(self, name: str, settings: McpServerSettings) -> Environment | None:
        """The environment of a server's own, if it is to have one."""
        if settings.packages is None:
            return None
        return Environment.of(settings.packages, self.homes / name)

    def target(self, name: str, settings: McpServerSettings) -> Target:
        """Where a server is. Nothing is looked up or resolved before it is opened."""
        if settings.url is not None:
            return RemoteTarget(
                url=settings.url,
                headers=lambda: self._values(settings.headers),
                auth=lambda: self.auth(name, settings),
                max_message=settings.max_message,
                silence=settings.timeout * 10,
            )
        assert settings.command is not None
        return LocalTarget(
            program=Path(settings.command[0]).name,
            launch=lambda: self.launch(name, settings),
            max_message=settings.max_message,
        )

    async def launch(self, name: str, settings: McpServerSettings) -> Launch:
        """How a local server is started now.

        Raises:
            ConfigError: Its program, folder or packages are not there.
            SecretMissing: It needs a secret that is not set.
        """
        assert settings.command is not None
        own = self.environment(name, settings)
        if own is not None and not own.installed:
            raise ConfigError(
                "its packages are not installed.", hint=f"Run `muxi mcp install {name}`."
            )
        declared = await self._values(settings.env)
        return await asyncio.to_thread(self._launch, name, settings, own, declared)

    def _launch(
        self,
        name: str,
        settings: McpServerSettings,
        own: Environment | None,
        declared: Mapping[str, str],
    ) -> Launch:
        cwd = (self.folder / Path(settings.cwd or "").expanduser()).absolute()
        if not cwd.is_dir():
            raise ConfigError(f"its folder {settings.cwd} does not exist.")
        home = self.homes / name / "home" if settings.permissions is not None else None
        if self.private is not None:
            home = self.private / name
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = os.pathsep.join(map(str, own.programs)) if own is not None else None
        variables = environment(declared, own=os.environ, path=path, home=home)
        assert settings.command is not None
        program, *arguments = settings.command
        file = find_program(program, path=variables.get("PATH"), cwd=cwd)
        command: tuple[str, ...] = (str(file), *arguments)
        if settings.permissions is None or home is None:
            return Launch(command, variables, cwd, program)
        from muxi.mcp.confinement import confinement

        (home / "tmp").mkdir(parents=True, exist_ok=True, mode=0o700)
        bounds = confinement(
            settings.permissions, command, folder=self.folder, home=home, secret=self.state
        )
        return Launch(bounds.wrapped(command), variables, cwd, program, bounds.notes)

    async def _values(self, secrets: Mapping[str, SecretRef]) -> dict[str, str]:
        return {name: await self.resolve(secret) for name, secret in secrets.items()}
