"""The images of the services, and a try of each that was built."""
