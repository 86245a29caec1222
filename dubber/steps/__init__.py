"""Each stage of the flow joined to its project: what its result depends on, where it is kept, what the person has
edited since. The work itself is in dubber/stages."""
