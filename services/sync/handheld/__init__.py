"""The rep's app on a small screen: a device of the protocol in docs/devices.md, in a browser."""
