"""Telegram, by its Bot API (https://core.telegram.org/bots/api): long polling, or a webhook where its secret is set."""
