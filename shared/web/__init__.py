"""What the pages of all services share: layout, style, sign-in, languages."""
