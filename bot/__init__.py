"""How people reach the assistant: conversation, channels, web pages, command line."""
