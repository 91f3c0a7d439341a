"""What the platform is made of: known weaknesses of the libraries, and a list of all parts."""
