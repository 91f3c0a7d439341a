"""What can be ordered, as sales force automation tells: for devices, which have no other way to know."""
