"""Cuts Vietnamese into syllables: no word segmentation (it does not help, and collapses on text without diacritics)."""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from bot.rasa.components.phrases import WORD

# A document number, a date, a share or an amount stays one token: 2735/KH-UBND, 22/3/2018, 12,5%.
_TOKEN = re.compile(rf"\d+(?:[./,:-]{WORD.pattern})+%?|\d+%|{WORD.pattern}")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class SyllableTokenizer(Tokenizer):
    """One token a syllable, number or document number. Text without any (only emoji, say) is one token, as Rasa wants at least one."""

    @staticmethod
    def supported_languages() -> list[str]:
        """Vietnamese; other languages come out as their words."""
        return ["vi"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Rasa's own settings of a tokenizer, unused here."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "token_pattern": None, "prefix_separator_symbol": None}

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Tokens of the message's `attribute`, with their spans in it."""
        text = message.get(attribute)
        tokens = [Token(match.group(), match.start()) for match in _TOKEN.finditer(text)]
        return tokens or [Token(text, 0)]
