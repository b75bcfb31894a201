"""Graph components for Rasa: a Vietnamese syllable tokenizer, an entity lookup and an intent classifier."""
