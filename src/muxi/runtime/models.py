"""The project's models, made when they are first used, and what is known of each.

Called by `agents` and by doors. Keys come from the project file, the environment or the store.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from muxi.config.model_settings import ModelDefinition
from muxi.config.project import EMBEDDED, Project
from muxi.core.errors import ModelKeyMissing, MuxiError
from muxi.core.requests import ModelSettings
from muxi.core.status import ModelInfo
from muxi.runtime.secrets import Secrets

if TYPE_CHECKING:
    from muxi.models.embedded.static import StaticEmbedder
    from muxi.models.embedding import Embedder
    from muxi.models.model import Model, Price
    from muxi.models.picture import PictureModel
    from muxi.models.reranking import Reranker
    from muxi.models.voice import Speaker, Transcriber

    Specialist = PictureModel | Speaker | Transcriber

S = TypeVar("S", bound="Specialist")

_WORD_TABLE = ("embedded", "embedded/wordllama-256")
"""How the table of words is called as an embedder."""

SMALL = (
    "The embedded model is very small: good for trying muxi out, not for real questions. "
    "`muxi models use PROVIDER/MODEL` sets up a better one."
)


@dataclass(kw_only=True)
class Models:
    """The models of one project."""

    project: Project
    secrets: Secrets
    given: dict[str, Model] = field(default_factory=dict[str, "Model"])
    """Models that a program hands in, by the name that agents use; they come before all others."""
    _made: dict[str, Model] = field(default_factory=dict[str, "Model"])
    _specialists: dict[tuple[object, str], Specialist] = field(
        default_factory=dict[tuple[object, str], "Specialist"]
    )

    @cached_property
    def word_table(self) -> StaticEmbedder:
        """The embedded table of words, which is loaded at the first text; one for all its users."""
        from muxi.models.embedded.static import StaticEmbedder

        return StaticEmbedder()

    async def live(self, name: str | None) -> Model:
        """The model of that name, or the project's default.

        Raises:
            UnknownModel: There is no such model.
            ModelKeyMissing: Its provider needs a key and none is set.
            SecretMissing: The project file names a secret that is not set.
        """
        name = name or self.project.model
        kept = self._made
        model = self.given.get(name) or kept.get(name)
        if model is None:
            model = kept.setdefault(name, await self._make(name))
        return model

    async def embedder(self, name: str) -> Embedder:
        """The embedding model of that name: one of `models`, or as `models.resolve` names them.

        Raises:
            UnknownModel: There is no such model.
            ModelKeyMissing: Its provider needs a key and none is set.
            SecretMissing: The project file names a secret that is not set.
        """
        from muxi.models import resolve

        definition = self.project.models.get(name) or self._by_model(name)
        parsed = resolve.parse(definition.model)
        if definition.model in _WORD_TABLE:
            return self.word_table
        return resolve.embedder(
            definition.model,
            key=await self._key(definition, parsed.provider),
            base_url=definition.base_url,
        )

    async def reranker(self, name: str) -> Reranker:
        """The reranker of that name: one of `models`, or as `models.resolve` names them.

        Raises:
            UnknownModel: There is no such model.
            ModelKeyMissing: Its provider needs a key and none is set.
            SecretMissing: The project file names a secret that is not set.
        """
        from muxi.models import resolve
        from muxi.models.reranking import SERVICES

        definition = self.project.models.get(name) or self._by_model(name)
        if definition.key is not None:
            key = await self.secrets.resolve(definition.key)
        else:
            service = SERVICES.get(definition.model.partition("/")[0])
            key = None if service is None else await self.secrets.find(service.key_env)
        return resolve.reranker(definition.model, key=key, base_url=definition.base_url)

    async def picture_model(self, name: str) -> PictureModel:
        """The model that makes pictures of that name; raises as `reranker`."""
        from muxi.models import resolve

        return await self._specialist(name, resolve.picture_model)

    async def transcriber(self, name: str) -> Transcriber:
        """The model that writes down recordings of that name; raises as `reranker`."""
        from muxi.models import resolve

        return await self._specialist(name, resolve.transcriber)

    async def speaker(self, name: str) -> Speaker:
        """The model that reads aloud of that name; raises as `reranker`."""
        from muxi.models import resolve

        return await self._specialist(name, resolve.speaker)

    async def _specialist(self, name: str, make: Callable[..., S]) -> S:
        """A model that is no language model, made when it is first asked for."""
        from muxi.models import resolve

        kept = self._specialists
        made = kept.get((make, name))
        if made is None:
            definition = self.project.models.get(name) or self._by_model(name)
            key = await self._key(definition, resolve.parse(definition.model).provider)
            made = make(definition.model, key=key, base_url=definition.base_url)
            made = kept.setdefault((make, name), made)
        return cast("S", made)

    def _by_model(self, name: str) -> ModelDefinition:
        """What the project says of a model that is not named by its key."""
        for definition in self.project.models.values():
            if definition.model == name:
                return definition
        return ModelDefinition(model=name)

    def settings(self, name: str | None) -> ModelSettings:
        """How a model samples unless an agent says otherwise."""
        definition = self.project.models.get(name or self.project.model)
        return ModelSettings() if definition is None else definition.settings

    def forget(self) -> None:
        """Make models anew when they are next used: a key has changed. Streams go on."""
        # In the place of those that are there: what is being made has the former key.
        self._made, self._specialists = {}, {}

    async def infos(self) -> list[ModelInfo]:
        """Every model that the project names, and the embedded one."""
        return [await self.info(name) for name in dict.fromkeys((*self._named(), EMBEDDED))]

    async def behind(self, provider: str) -> list[Model]:
        """The models of a provider that the project names, and one with the key of all others."""
        from muxi.models.resolve import parse

        found = list(self.given.values())
        for name in dict.fromkeys((*self._named(), f"{provider}/any")):
            definition = self.project.models.get(name) or self._by_model(name)
            with suppress(MuxiError):
                if name not in self.given and parse(definition.model).provider == provider:
                    found.append(await self.live(name))
        return found

    def _named(self) -> list[str]:
        """How the project's file calls its models, each once."""
        agents = [agent.model for agent in self.project.agents.values() if agent.model]
        return list(dict.fromkeys((self.project.model, *self.project.models, *agents)))

    async def info(self, name: str | None = None) -> ModelInfo:
        """What is known of a model without asking it; of the default one if `name` is None."""
        name = name or self.project.model
        info = ModelInfo(name=name, default=name == self.project.model)
        given = self.given.get(name)
        if given is not None:
            info.model, info.small = given.name, given.profile.small
            info.context_tokens = given.profile.context_tokens
            return info
        definition = self.project.models.get(name)
        info.model = name if definition is None else definition.model
        try:
            await self._describe(info, definition)
        except MuxiError as error:
            info.ready = False
            info.note = f"{error.message} {error.hint or ''}".strip()
        return info

    async def _describe(self, info: ModelInfo, definition: ModelDefinition | None) -> None:
        from muxi.models.resolve import parse

        parsed = parse(info.model or "")
        if parsed.provider == EMBEDDED:
            if parsed.model in ("", "default") or not parsed.model.endswith(".gguf"):
                _describe_embedded(info)
            return
        if parsed.provider == "scripted":
            info.note = "It repeats what is said, for tests."
            return
        definition = definition or ModelDefinition(model=info.name)
        info.context_tokens = definition.context_tokens
        await self._require_key(definition, parsed.provider)

    async def _make(self, name: str) -> Model:
        definition = self.project.models.get(name)
        if definition is None:
            definition = ModelDefinition(model=name)
            return await self._one(definition)
        model = await self._one(definition)
        if definition.rate is not None:
            from muxi.models.rate import RatedModel

            rate = definition.rate
            model = RatedModel(model, requests=rate.requests, tokens=rate.tokens)
        if definition.concurrency is not None:
            from muxi.models.concurrency import LimitedModel

            model = LimitedModel(model, definition.concurrency)
        if definition.fallback:
            from muxi.models.fallback import FallbackModel

            others = [await self.live(other) for other in definition.fallback]
            model = FallbackModel([model, *others])
        return model

    async def _one(self, definition: ModelDefinition) -> Model:
        from muxi.models import resolve
        from muxi.models.retry import Backoff

        name = definition.model
        if name.endswith(".gguf"):
            name = _file(self.project.folder, name)
        parsed = resolve.parse(name)
        if parsed.provider == EMBEDDED and not name.endswith(".gguf"):
            from muxi.runtime.stand_in import embedded

            return embedded(name)
        retry = definition.retry
        return resolve.model(
            name,
            key=await self._key(definition, parsed.provider),
            base_url=definition.base_url,
            price=_price(definition),
            context_tokens=definition.context_tokens,
            output_tokens=definition.output_tokens,
            takes=definition.takes,
            backoff=Backoff(attempts=retry.attempts, delay=retry.delay, max_delay=retry.max_delay),
        )

    async def _require_key(self, definition: ModelDefinition, provider: str) -> None:
        """Raise `ModelKeyMissing` if the model would do so when it is first used."""
        from muxi.models.providers import PROVIDERS

        known = PROVIDERS.get(provider)
        if known is None or not known.key_needed or definition.base_url is not None:
            return
        if await self._key(definition, provider) is None:
            raise ModelKeyMissing(f"{known.title} needs an API key and none is set.")

    async def _key(self, definition: ModelDefinition, provider: str) -> str | None:
        """The key that the project gives; else the provider's own, if there is one."""
        from muxi.models.resolve import key_names

        if definition.key is not None:
            return await self.secrets.resolve(definition.key)
        return await self.secrets.find(*key_names(provider))

    async def close(self) -> None:
        """Close what was made and what was given."""
        made = {*self._made.values(), *self.given.values(), *self._specialists.values()}
        for model in made:
            await model.close()


def _file(folder: Path, name: str) -> str:
    return str(folder / Path(name).expanduser())


def _describe_embedded(info: ModelInfo) -> None:
    from muxi.models.embedded.weights import ALL, WeightStore

    info.small = True
    info.note = SMALL
    missing = sum(weights.size for weights in WeightStore().lacking(ALL))
    if missing:
        info.note = f"{SMALL} {missing / 1e6:.0f} MB of weights are fetched on first use."


def _price(definition: ModelDefinition) -> Price | None:
    given = definition.price
    if given is None:
        return None
    from muxi.models.model import Price

    return Price(
        input=given.input, output=given.output, cached=given.cached, cache_write=given.cache_write
    )
