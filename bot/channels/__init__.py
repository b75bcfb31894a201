"""The apps that people already have: what arrives becomes an Incoming, what is said becomes a Reply, and nothing is lost between the two.

    app → webhook or polling → Channel.read → inbox (reception.py) → concierge.py → Channel.render → sends (postman.py) → Channel.send → app

Each step of this stair can be killed at any moment: what arrived stands in the inbox before it is acknowledged, what is to be sent stands
in the sends before the inbox row is done, and an attempt is written down before it is made.
"""
