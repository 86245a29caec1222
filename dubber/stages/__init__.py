"""One room per stage of the flow. A stage takes plain data and returns plain data; it never opens the project."""
