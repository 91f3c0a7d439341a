"""Contacts by phone, chat, web and e-mail, from the ring to the review."""
