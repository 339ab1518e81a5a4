"""The estimate of tokens against a real byte-level vocabulary, small and so a hard one to bound."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import wordllama
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from muxi.models import endpoint, resolve
from muxi.models.tokens import TokenEstimate, estimate_text

PROSE = """
The quick brown fox jumps over the lazy dog while nobody expected such extraordinary athleticism
from an otherwise unremarkable animal living beside the Mississippi River
Die Geschwindigkeit der Rechtsschutzversicherung wurde im Jahre besprochen und verworfen
Le petit garçon mangeait déjà une pomme près de la fenêtre où dormait son chat
""".split()  # noqa: SIM905 -- a list of seventy words is not better read
CJK = "今天天气很好我们去公园散步吧東京は日本の首都です안녕하세요반갑습니다"
EMOJI = ("😀", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "🔥", "🧑🏽‍🚀")
SCRIPTS = "Привет как дела مرحبا بالعالم สวัสดีครับ שלום Ελληνικά"
PIECES = st.one_of(
    st.sampled_from(PROSE),
    st.sampled_from(EMOJI),
    st.text(alphabet=CJK, min_size=1, max_size=10),
    st.text(alphabet=SCRIPTS, min_size=1, max_size=10),
    st.integers(min_value=0, max_value=10**9).map(str),
    st.sampled_from(["def", "return", "self.name", "x += 1", "{", "}", "()", "    ", "\n", "!="]),
)


@cache
def tokenizer() -> Tokenizer:
    folder = Path(wordllama.__file__).parent / "tokenizers"
    return Tokenizer.from_file(str(folder / "l2_supercat_tokenizer_config.json"))


def tokens(text: str) -> int:
    return len(tokenizer().encode(text, add_special_tokens=False).ids)


def estimated(text: str) -> float:
    return sum(estimate_text(text))


@settings(deadline=None, max_examples=120)
@given(st.lists(PIECES, min_size=30, max_size=200), st.sampled_from([" ", "", "\n"]))
def test_the_estimate_is_never_too_low(pieces: list[str], glue: str):
    # Words run together are no prose; the other pieces may stand as they come.
    text = " ".join(pieces) if glue == "" else glue.join(pieces)
    assert estimated(text) >= tokens(text)


def test_the_estimate_of_code_is_neither_too_low_nor_absurd():
    for module in (endpoint, resolve):
        text = Path(module.__file__ or "").read_text("utf-8")
        assert tokens(text) <= estimated(text) <= 2.2 * tokens(text)


@given(st.text())
def test_any_text_can_be_counted(text: str):
    assert TokenEstimate().count_text(text + "\ud800") > 0
