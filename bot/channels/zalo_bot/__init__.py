"""The Zalo Bot Platform: a bot of its own beside the Official Account, called in Telegram's manner (https://bot.zaloplatforms.com/docs)."""

from bot.channels.zalo_bot.channel import Webhook, ZaloBot
from bot.channels.zalo_bot.polling import Polling

__all__ = ["Polling", "Webhook", "ZaloBot"]
