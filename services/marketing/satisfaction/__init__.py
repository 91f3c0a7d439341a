"""How satisfied customers were at each contact, beside whether they were in the segment then."""
