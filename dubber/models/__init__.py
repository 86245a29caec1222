"""The models that dubber can use: which there are, where they lie, how they come and are checked. Loads none.

`catalogue` names them, `store` knows the folder on this machine, `pulling` fills it, `licences` remembers what was
agreed to; `download` alone in all of dubber opens a connection.
"""
