"""Turns that tell nothing: greetings, thanks, a mere yes. Called by `writing`.

Such a turn is kept as context of the turns beside it and is no memory of its own. What is not known
to be small talk is not taken for it: a single word may answer a question.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from muxi.retrieval.words import tokens

_MOST_WORDS: Final = 12
"""A longer turn says something, whatever its words."""
_MOST_CHARACTERS: Final = 200

_TEXT: Final = """
hi hello hey yo hiya howdy good morning afternoon evening night day thanks thank you thx ty
please ok okay k kk yes yeah yep yup no nope nah sure fine great cool nice perfect awesome
wow lol haha hahaha bye goodbye see later cheers welcome np problem right exactly indeed
alright there again so much very well how are is it going what s up i m and done got that all
help assist assistance can may could do anything else today let me know if feel free glad to hear
need noted understood gotcha sounds here your my pleasure question questions any more ask
with for tell about on mind
hallo moin servus guten morgen tag abend nacht danke bitte ja nein nee jo genau gut super
prima tschuss tschüss tschuess bis bald vielen dank schön schon gern gerne klar
bonjour bonsoir salut coucou merci beaucoup oui non si voila voilà bien bravo au revoir ça ca
va d accord parfait
hola buenos dias días buenas tardes noches gracias muchas por favor vale si sí adios adiós
claro muy bien ola olá oi bom dia boa tarde noite obrigado obrigada muito sim nao não tchau
valeu ciao buongiorno buonasera grazie mille prego certo va bene perfetto arrivederci
hoi goedemorgen dank je wel bedankt graag hej hallå god morgon tack takk ja nej nei
czesc cześć dzien dzień dobry dziekuje dziękuję tak nie merhaba selam tesekkurler teşekkürler
evet hayir hayır tamam
привет здравствуйте здравствуй добрый день утро доброе вечер спасибо пожалуйста да нет
ладно хорошо пока большое привіт дякую так ні
مرحبا السلام عليكم شكرا نعم لا שלום תודה כן לא नमस्ते धन्यवाद हां हाँ नहीं
你好 您好 谢谢 謝謝 多谢 好的 好 是 是的 不 不是 再见 早上好 晚上好 嗯 こんにちは こんばんは
おはよう おはようございます ありがとう ありがとうございます はい いいえ うん さようなら
안녕 안녕하세요 감사합니다 고마워요 고마워 네 예 아니요 아니오
"""
"""Greetings, thanks, assent and refusal: English, German, French, Spanish and its neighbours, Dutch
and Scandinavian, Polish, Turkish, Russian, Arabic, Hebrew, Hindi, Chinese, Japanese, Korean."""

_WORDS: Final = frozenset(_TEXT.split())


def is_small_talk(text: str, names: Iterable[str] = ()) -> bool:
    """Whether `text` is made of greetings and the like alone, or of no words at all.

    Args:
        text: What was said.
        names: Of those who speak, with which they may be greeted.
    """
    if len(text) > _MOST_CHARACTERS:
        return False
    found = list(tokens(text))
    if len(found) > _MOST_WORDS:
        return False
    greeted = {token for name in names for token in tokens(name)}
    return all(token in _WORDS or token in greeted for token in found)
