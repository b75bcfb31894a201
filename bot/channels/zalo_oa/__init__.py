"""Zalo Official Account: signed events in, messages of up to 2,000 characters with buttons out, tokens that are spent by use.

Sources: Zalo for Developers, "Official Account API" (webhook, tin tư vấn /v3.0/oa/message/cs, OAuth v4) as far as it can be read in public
helpdesk software and mirrors of it. Nothing here has met the real service; what the sources disagree on is said where it counts.
"""
