"""Rasa's house: what runs inside Rasa's own process and environment (.venv-rasa). Nothing outside this folder imports it."""
