"""What departments wrote into fields of their own at reviews, cases and orders, for segments to ask."""
