"""What those who keep a service running see and do: streams that wait for a person, and what its block gained."""
